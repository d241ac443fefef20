#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: a shell on a terminal: jobs stop, go on and are interrupted; size and hang-up are told
# Expect: container=yes sentry=yes
# Needs: python3 bash script
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

pid, fd = pty.fork()
if pid == 0:
    os.environ["PS1"], os.environ["TERM"] = "ready> ", "dumb"
    os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
text = ""


def until(*words, seconds=15):
    global text
    end = time.monotonic() + seconds
    while not all(w in text for w in words):
        left = end - time.monotonic()
        assert left > 0, f"no {words} in {text!r}"
        if select.select([fd], [], [], left)[0]:
            text += os.read(fd, 65536).decode()
    text = ""


def type_in(what, *words):
    os.write(fd, what.encode())
    until(*words)


until("ready> ")
type_in("echo $((6 * 7)); stty -echo\n", "42", "ready> ")
type_in("stty size; fcntl=1\n", "ready> ")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
type_in("stty size\n", "33 99", "ready> ")
os.write(fd, b"trap 'echo WINCH came' WINCH\n")
until("ready> ")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
type_in("\n", "WINCH came")
os.write(fd, b"sleep 1000\n")
time.sleep(0.4)
type_in("\x1a", "Stopped")
type_in("jobs\n", "Stopped", "sleep 1000")
type_in("bg\n", "sleep 1000 &")
type_in("jobs\n", "Running")
os.write(fd, b"fg\n")
time.sleep(0.4)
type_in("\x03", "ready> ")
type_in("echo status=$?\n", "status=130")
# who reads in the background is stopped
type_in("cat & sleep 0.3; jobs\n", "Stopped", "cat")
type_in("kill %1; wait %1; echo gone\n", "gone")
os.write(fd, b"cat | cat\n")
time.sleep(0.4)
os.write(fd, b"line\n")
until("line")
type_in("\x04", "ready> ")
type_in("(trap '' INT; sleep 0.6; echo survived)\n\x03"[:-1], "survived")
mark = f"hung-{os.getpid()}"
os.write(fd, f"(trap 'echo yes >{mark}; exit' HUP; while :; do sleep 0.05; done)\n".encode())
time.sleep(0.5)
os.close(fd)
for _ in range(100):
    if os.path.exists(mark):
        break
    time.sleep(0.05)
assert os.path.exists(mark), "no hang-up"
os.unlink(mark)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)

out = subprocess.run(["script", "-qec", "tty; exit 7", "/dev/null"], stdin=subprocess.DEVNULL,
                     stdout=subprocess.PIPE, timeout=20)
assert out.returncode == 7 and b"/dev/pts/" in out.stdout, out
