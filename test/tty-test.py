#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# run as: root range plain
"""Terminals: size and its changes, keys, detaching and attaching, exec, behind every wall.

The program comes from $BRIG, and lives on a pseudo terminal of the test's own.
"""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

BRIG = os.environ.get("BRIG", "brig")
WALLS = os.environ.get("WALLS", "chroot nspawn container sentry").split()
T = tempfile.mkdtemp(prefix="brig-tty.")
os.chmod(T, 0o711)
os.environ["BRIG_HOME"] = T + "/home"
os.environ["TERM"] = "xterm"
os.makedirs(T + "/home")
os.makedirs(T + "/ws")
os.chdir(T + "/ws")
count = {"passed": 0, "failed": 0, "skipped": 0}


class Failed(Exception):
    pass


class Terminal:
    """A program on a terminal: type(), expect(), resize(), status()."""

    def __init__(self, *argv, rows=30, cols=100):
        self.seen = ""  # since what was expected last
        self.parts = []
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvp(argv[0], argv)
            finally:
                os._exit(127)
        self.resize(rows, cols)

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """What comes within that time; None at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return ""
        try:
            got = os.read(self.fd, 65536).decode(errors="replace")
        except OSError:
            got = ""
        if not got:
            return None
        self.parts.append(got)
        self.seen += got
        return got

    @property
    def all(self):
        return "".join(self.parts)

    def expect(self, pattern, seconds=15):
        end = time.monotonic() + seconds
        while True:
            hit = re.search(pattern, self.seen)
            if hit:
                self.seen = self.seen[hit.end():]
                return hit
            left = end - time.monotonic()
            if left <= 0 or self.read(left) is None:
                raise Failed(f"no {pattern!r} in {self.all[-600:]!r}")

    def status(self, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.drain()
                return os.waitstatus_to_exitcode(status)
            self.seen = ""
            self.read(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise Failed(f"does not end: {self.all[-600:]!r}")

    def drain(self):
        while self.read(0.05):
            pass

    def is_raw(self):
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON


def brig(*argv, ok=True):
    p = subprocess.run([BRIG, *argv], stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, timeout=60)
    if ok and p.returncode:
        raise Failed(f"brig {' '.join(argv)}: {p.returncode} {p.stderr}")
    return p.stdout


def is_equal(got, want):
    if got != want:
        raise Failed(f"{got!r} and not {want!r}")


def run(wall, *argv, **more):
    return Terminal(BRIG, "run", "--rm", "--wall", wall, *argv, **more)


def size_is_given(wall):
    t = run(wall, "--", "sh", "-c", "sleep 0.3; stty size; tty")
    t.expect(r"30 100\r\n/dev/pts/\d+")
    is_equal(t.status(), 0)


def size_follows(wall):
    t = run(wall, "--", "sh", "-c",
            "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done")
    t.expect("ready")
    t.resize(44, 133)
    t.expect("44 133")
    t.resize(20, 60)
    t.expect("20 60")
    t.type("\x03")
    is_equal(t.status(), 130)


def ctrl_c(wall):
    t = run(wall, "--", "sh", "-c", "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done")
    t.expect("ready")
    t.type("\x03")
    t.expect("caught")
    is_equal(t.status(), 5)


def ctrl_d(wall):
    t = run(wall, "--", "cat")
    time.sleep(0.5)
    t.type("hello\r")
    t.expect("hello\r\nhello")
    t.type("\x04")
    is_equal(t.status(), 0)


def shell_talks(wall):
    t = run(wall, "--", "sh")
    t.expect(r"[$#] ")
    t.type("echo $((6 * 7)); exit 9\r")
    t.expect(r"\r\n42\r\n")
    is_equal(t.status(), 9)


def raw_and_back(wall):
    t = run(wall, "--", "sh", "-c", "echo ready; read x; sleep 0.3")
    t.expect("ready")
    is_equal(t.is_raw(), True)
    t.type("\r")
    time.sleep(0.1)
    t.expect("\r\n")
    is_equal(t.status(), 0)
    is_equal(t.is_raw(), False)


def detach_and_attach(wall):
    name = "tty-detach-" + wall
    t = Terminal(BRIG, "run", "--wall", wall, "--name", name, "--", "sh")
    t.expect(r"[$#] ")
    t.type("x=remembered\r")
    t.expect(r"[$#] ")
    t.type("\x10\x11")
    is_equal(t.status(), 0)
    is_equal(t.is_raw(), False)
    if name not in brig("ls", "--running", "-q"):
        raise Failed("it does not run on")
    t = Terminal(BRIG, "attach", name, rows=33, cols=77)
    time.sleep(0.3)
    t.type("echo $x; stty size\r")
    t.expect("remembered\r\n33 77")
    # a single ctrl-p goes to the program, with what follows
    t.type("cat -v\r")
    time.sleep(0.5)
    t.type("\x10z\r")
    t.expect(r"\^Pz")
    t.type("\x03")
    t.expect(r"[$#] ")
    t.type("exit 3\r")
    is_equal(t.status(), 3)
    brig("rm", name)


def same_command_attaches(wall):
    t = Terminal(BRIG, "run", "--wall", wall)
    t.expect(r"[$#] ")
    t.type("y=again\r")
    t.expect(r"[$#] ")
    t.type("\x10\x11")
    is_equal(t.status(), 0)
    t = Terminal(BRIG, "run", "--wall", wall)
    time.sleep(0.3)
    t.type("echo $y\r")
    t.expect(r"\ragain")
    t.type("exit\r")
    is_equal(t.status(), 0)
    brig("rm", "shell-ws")


def other_detach_keys(wall):
    name = "tty-keys-" + wall
    t = Terminal(BRIG, "run", "--wall", wall, "--name", name, "--detach-keys", "ctrl-a,d", "--", "cat")
    time.sleep(0.7)
    t.type("\x01d")
    is_equal(t.status(), 0)
    brig("rm", "-f", name)


def exec_terminal(wall):
    name = "tty-exec-" + wall
    brig("run", "-d", "--wall", wall, "--name", name, "--", "sleep", "60")
    t = Terminal(BRIG, "exec", "-it", name, "--", "sh", rows=22, cols=66)
    t.expect(r"[$#] ")
    t.type("stty size; tty\r")
    t.expect(r"22 66\r\n/dev/pts/\d")
    t.type("exit 4\r")
    is_equal(t.status(), 4)
    t = Terminal(BRIG, "exec", name, "sh", "-c", "trap 'exit 6' INT; echo ready; while :; do sleep 0.05; done")
    t.expect("ready")
    t.type("\x03")
    is_equal(t.status(), 6)
    brig("rm", "-f", name)


def exec_detaches(wall):
    name = "tty-leave-" + wall
    brig("run", "-d", "--wall", wall, "--name", name, "--", "sleep", "60")
    t = Terminal(BRIG, "exec", "-it", name, "--", "sh", "-c", "echo ready; sleep 1; echo on >goes; sleep 5")
    t.expect("ready")
    t.type("\x10\x11")
    is_equal(t.status(), 0)
    time.sleep(1.5)
    is_equal(os.path.exists("goes"), True)
    os.unlink("goes")
    brig("rm", "-f", name)


def hangup_ends_exec(wall):
    """A terminal that goes away takes what ran on it along."""
    name = "tty-hang-" + wall
    brig("run", "-d", "--wall", wall, "--name", name, "--", "sleep", "60")
    t = Terminal(BRIG, "exec", "-it", name, "--", "sh", "-c", "echo ready; sleep 47")
    t.expect("ready")
    os.kill(t.pid, signal.SIGKILL)
    os.waitpid(t.pid, 0)
    for _ in range(100):
        if "sleep 47" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout:
            break
        time.sleep(0.05)
    else:
        raise Failed("it sleeps on")
    brig("rm", "-f", name)


def two_look_on(wall):
    name = "tty-two-" + wall
    a = Terminal(BRIG, "run", "--wall", wall, "--name", name, "--", "sh")
    a.expect(r"[$#] ")
    b = Terminal(BRIG, "attach", name)
    time.sleep(0.3)
    b.type("echo $((70 + 7))\r")
    b.expect(r"\r\n77")
    a.expect(r"\r\n77")
    b.type("exit 2\r")
    is_equal(b.status(), 2)
    is_equal(a.status(), 2)
    brig("rm", name)


def much_output(wall):
    t = run(wall, "--", "sh", "-c", "seq 1 200000; echo end-of-it")
    is_equal(t.status(60), 0)
    want = "".join(f"{n}\r\n" for n in range(1, 200001)) + "end-of-it\r\n"
    is_equal((len(t.all), t.all[-20:]), (len(want), want[-20:]))


def no_terminal_for_i(wall):
    t = Terminal(BRIG, "run", "--rm", "-i", "--wall", wall, "--", "sh", "-c", "tty; cat")
    t.expect("not a tty")
    t.type("x\r\x04")
    is_equal(t.status(), 0)


def no_input_for_t(wall):
    t = Terminal(BRIG, "run", "--rm", "-t", "--wall", wall, "--", "sh", "-c", "tty; stty size")
    t.expect(r"/dev/pts")
    is_equal(t.status(), 0)


TESTS = [
    ("a command gets the terminal's size", size_is_given),
    ("a change of size reaches it", size_follows),
    ("ctrl-c is the command's", ctrl_c),
    ("ctrl-d ends its input", ctrl_d),
    ("a shell talks", shell_talks),
    ("the terminal is raw meanwhile and as before after", raw_and_back),
    ("ctrl-p ctrl-q detaches, attach comes back", detach_and_attach),
    ("the same run again attaches", same_command_attaches),
    ("--detach-keys takes other keys", other_detach_keys),
    ("exec has a terminal of its own", exec_terminal),
    ("exec that is detached from runs on", exec_detaches),
    ("exec whose client is killed ends", hangup_ends_exec),
    ("two can be attached at once", two_look_on),
    ("much output arrives whole", much_output),
    ("-i alone makes no terminal", no_terminal_for_i),
    ("-t alone gives a terminal", no_input_for_t),
]


def main():
    number = 0
    said = json.loads(subprocess.run([BRIG, "doctor", "--json"], capture_output=True).stdout)
    works = {w["name"] for w in said["walls"] if w["works"]}
    for wall in WALLS:
        if wall not in works:
            number += 1
            count["skipped"] += 1
            print(f"ok {number} - [{wall}] terminals # SKIP it doesn't run here", flush=True)
            continue
        for name, test in TESTS:
            number += 1
            try:
                test(wall)
                count["passed"] += 1
                print(f"ok {number} - [{wall}] {name}", flush=True)
            except (Failed, OSError, subprocess.TimeoutExpired) as e:
                count["failed"] += 1
                print(f"not ok {number} - [{wall}] {name}\n#   {e}", flush=True)
                subprocess.run([BRIG, "rm", "-fa"], capture_output=True, timeout=60)
    subprocess.run([BRIG, "rm", "-fa"], capture_output=True, timeout=60)
    os.chdir("/")
    shutil.rmtree(T, ignore_errors=True)
    print(f"1..{number}\n{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] else 0


sys.exit(main())
