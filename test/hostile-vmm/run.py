# SPDX-License-Identifier: Apache-2.0
"""
run.py VMM ATTACK.c ATTACK.bin NEIGHBOUR.bin SEED - one attack on a VMM, and what came of it.

It ends with 0 if the attack harmed only itself, else with 1 and the reason on its output. ATTACK.c
says how the machine may end ("end: off reset error", one of which it has to be; off alone if there is
no such line) and what is done on the host meanwhile ("host: ...").
"""
import ctypes, os, re, resource, socket, struct, subprocess, sys, tempfile, threading, time

MIB = 1 << 20
MEMORY = 32 * MIB
DISK = MIB
# A VMM's own memory beside the guest's: 64 MiB are vsock's buffers if all of them are used.
OWN = 96 * MIB
PATIENCE = float(os.environ.get("PATIENCE", "120"))
ENDS = {0: "off", 1: "error", 3: "reset"}
PAUSE, RESUME, FIGURES = 1, 2, 3


PR_SET_PDEATHSIG, SIGKILL = 1, 9


def die_with_me():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


class Failed(Exception):
    pass


def must(what, why):
    if not what:
        raise Failed(why)


def kernel(path, seed):
    """A flat program as an ELF with a note of where PVH enters it (linux/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY)."""
    entry, page = 2 * MIB, 4096
    with open(path, "rb") as f:
        code = bytearray(f.read())
    code[4:8] = struct.pack("<I", seed)
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", entry)
    head = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, entry, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 7, page, entry, entry, len(code), len(code), page)
    notes = struct.pack("<IIQQQQQQ", 4, 4, 176, 0, 0, len(note), len(note), 4)
    image = (head + load + notes + note).ljust(page, b"\0") + bytes(code)
    fd = os.memfd_create("kernel")
    os.write(fd, image.ljust((len(image) + page - 1) // page * page, b"\0"))
    return fd


class Machine:
    def __init__(self, vmm, image, seed, **fds):
        fds.update(kvm=os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC), kernel=kernel(image, seed))
        out, fds["console"] = os.pipe()
        words = ["%s=%d" % x for x in fds.items()] + ["memory=%d" % MEMORY, "cpus=2"]
        env = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99", "UBSAN_OPTIONS": "print_stacktrace=1"}
        self.process = subprocess.Popen([vmm] + words, pass_fds=list(fds.values()), env=env, stdin=subprocess.DEVNULL,
                                        preexec_fn=die_with_me, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for fd in fds.values():
            os.close(fd)
        self.lines, self.complaint = [], b""
        self.threads = [threading.Thread(target=self.hear, args=(out,), daemon=True),
                        threading.Thread(target=self.hear_complaints, daemon=True)]
        for t in self.threads:
            t.start()

    def hear(self, fd):
        with os.fdopen(fd, "rb") as f:
            for line in f:
                self.lines.append(line.decode("latin1").strip())

    def hear_complaints(self):
        self.complaint = self.process.stderr.read()

    def wait(self, seconds):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed("it hasn't ended after %d s; it said: %s" % (seconds, self.lines[-5:]))
        for t in self.threads:
            t.join(10)
        return status

    def says_more(self, seconds):
        n, until = len(self.lines), time.monotonic() + seconds
        while len(self.lines) == n and time.monotonic() < until and self.process.poll() is None:
            time.sleep(0.01)
        return len(self.lines) > n

    def end(self):
        self.process.kill()
        return self.process.wait()


class World:
    """What a VMM has been given, and what lies beside it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hostile-vmm.")
        self.shared = os.path.join(self.folder, "shared")
        os.mkdir(self.shared)
        os.mkdir(os.path.join(self.folder, "outside"))
        for name, text in (("shared/given", "given\n"), ("outside/secret", "secret\n"), ("passwd", "root\n")):
            with open(os.path.join(self.folder, name), "w") as f:
                f.write(text)
        self.disk = os.path.join(self.folder, "disk")
        with open(self.disk, "wb") as f:
            f.truncate(DISK)
        self.stream = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.net = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.remote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.bad_frames, self.frames = [], 0
        for what in (self.hear_frames, self.hear_stream, self.talk):
            threading.Thread(target=what, daemon=True).start()

    def fds(self):
        return {"root": os.open(self.shared, os.O_RDONLY | os.O_DIRECTORY), "disk": os.open(self.disk, os.O_RDWR),
                "stream": self.stream[1].detach(), "net": self.net[1].detach(), "remote": self.remote[1].detach()}

    def hear_frames(self):
        while True:
            frame = self.net[0].recv(MIB)
            flags, gso, _, size, start, offset = struct.unpack("<BBHHHH", frame[:10])
            n = len(frame) - 10
            self.frames += 1
            good = n >= 14 and flags in (0, 1) and (flags or gso == 0) and (
                not flags or (start >= 14 and start + offset + 2 <= n)) and (not gso or size)
            if not good:
                self.bad_frames.append(frame[:10].hex() + " of %d" % n)

    def hear_stream(self):
        try:
            while self.stream[0].recv(65536):
                pass
        except OSError:
            pass

    def talk(self):
        try:
            while True:
                self.stream[0].send(b"x" * 3000)
                self.net[0].send(bytes(10) + b"\xff" * 60)
                time.sleep(0.001)
        except OSError:
            pass

    def ask(self, verb):
        number = time.monotonic_ns()
        self.remote[0].settimeout(20)
        self.remote[0].send(struct.pack("<QQ", number, verb))
        try:
            answer = self.remote[0].recv(4096)
        except socket.timeout:
            raise Failed("the VMM doesn't answer")
        must(struct.unpack("<Q", answer[:8])[0] == number, "an answer to something else")

    def check(self):
        must(sorted(os.listdir(self.folder)) == ["disk", "outside", "passwd", "shared"], "something is beside the directory")
        must(os.listdir(self.folder + "/outside") == ["secret"], "something is outside")
        for name, text in (("outside/secret", "secret\n"), ("passwd", "root\n")):
            with open(os.path.join(self.folder, name)) as f:
                must(f.read() == text, name + " was written to")
        must(os.stat(self.disk).st_size == DISK, "the disk has another size")
        must(not self.bad_frames, "frames that don't add up: %s" % self.bad_frames[:3])
        for folder, folders, files in os.walk(self.shared):
            for name in folders + files:
                mode = os.lstat(os.path.join(folder, name)).st_mode & 0o170000
                must(mode not in (0o060000, 0o020000), "a device was made: " + name)

    def clear(self):
        subprocess.run(["rm", "-rf", self.folder], check=False)


def paused(machine, world):
    must(machine.says_more(60), "it doesn't begin")
    for _ in range(5):
        world.ask(PAUSE)
        time.sleep(0.2)
        n = len(machine.lines)
        time.sleep(0.3)
        must(len(machine.lines) == n, "it goes on while it is paused")
        world.ask(FIGURES)
        world.ask(RESUME)
        must(machine.says_more(20), "it doesn't go on")
    machine.process.kill()


def ended(machine, allowed, sanitized):
    status = machine.wait(PATIENCE)
    complaint = machine.complaint.decode("latin1")
    must("Sanitizer" not in complaint and "runtime error" not in complaint, complaint)
    must(status >= 0, "the VMM was killed by signal %d: %s" % (-status, complaint))
    must(ENDS.get(status) in allowed, "it ended with %d: %s; it said: %s" % (status, complaint, machine.lines[-5:]))
    must(not any(x.startswith("failed") for x in machine.lines), "%s" % machine.lines[-5:])
    must(status != 0 or machine.lines[-1:] == ["done"], "it didn't come to its end: %s" % machine.lines[-5:])
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    must(sanitized or used < MEMORY + OWN, "a VMM used %d MiB" % (used // MIB))
    return ENDS[status]


def attack(vmm, source, image, neighbour, seed):
    with open(source) as f:
        told = dict(re.findall(r"^ \* (end|host): (.*)$", f.read(), re.M))
    world, beside = World(), Machine(vmm, neighbour, 0)
    try:
        must(beside.says_more(60), "the neighbour doesn't begin: %r" % beside.complaint)
        machine = Machine(vmm, image, seed, **world.fds())
        if told.get("host") == "pause":
            paused(machine, world)
            end = "killed"
        else:
            end = ended(machine, told.get("end", "off").split(), vmm.startswith(os.environ.get("SANITIZED", "none")))
        world.check()
        if told.get("host") == "net":
            must(world.frames > 50, "hardly a frame came")
        must(beside.says_more(60) and beside.says_more(60), "the neighbour stands still")
        must(set(beside.lines) == {"well"}, "the neighbour: %s" % beside.lines[-3:])
        print(end, machine.lines[-2:])
    finally:
        beside.end()
        world.clear()


try:
    attack(*sys.argv[1:5], int(sys.argv[5]))
except Failed as why:
    print(why)
    sys.exit(1)
