#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: locks of files, by flock and fcntl, hold between processes, wait and go with their owner
# Expect: container=yes sentry=yes
# Needs: python3
# In: workspace tmp
import fcntl
import os
import struct
import time

F_OFD_SETLK = 37


def child(work):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return pid


def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def refused(lock):
    try:
        lock()
    except (BlockingIOError, PermissionError):
        return True
    return False


f = open("locked", "w+")
f.write("x" * 100)
f.flush()

fcntl.flock(f, fcntl.LOCK_EX)
assert ended(child(lambda: refused(lambda: fcntl.flock(open("locked"), fcntl.LOCK_EX | fcntl.LOCK_NB)))) == 0
fcntl.flock(f, fcntl.LOCK_SH)
assert ended(child(lambda: not refused(lambda: fcntl.flock(open("locked"), fcntl.LOCK_SH | fcntl.LOCK_NB)))) == 0
fcntl.flock(f, fcntl.LOCK_UN)

# of a part of the file
fcntl.lockf(f, fcntl.LOCK_EX, 10, 20)
ask = lambda start, size: lambda: fcntl.lockf(open("locked", "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB, size, start)
assert ended(child(lambda: refused(ask(25, 1)))) == 0
assert ended(child(lambda: not refused(ask(30, 10)))) == 0
assert ended(child(lambda: not refused(ask(0, 20)))) == 0


def who_holds():
    lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 20, 1, 0)
    got = struct.unpack("hhqqi4x", fcntl.fcntl(open("locked", "r+"), fcntl.F_GETLK, lock))
    return got[0] == fcntl.F_WRLCK and got[4] == os.getppid()


assert ended(child(who_holds)) == 0


# who waits gets it when it is let go
def waits():
    start = time.monotonic()
    fcntl.lockf(open("locked", "r+"), fcntl.LOCK_EX, 1, 25)
    return time.monotonic() - start > 0.15


pid = child(waits)
time.sleep(0.3)
fcntl.lockf(f, fcntl.LOCK_UN, 10, 20)
assert ended(pid) == 0


# who dies lets go
def dies():
    g = open("locked", "r+")
    fcntl.lockf(g, fcntl.LOCK_EX)
    fcntl.flock(g, fcntl.LOCK_EX)
    return True


assert ended(child(dies)) == 0
fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.lockf(f, fcntl.LOCK_UN)

# of an open file, not of a process
lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 5, 0)
g = open("locked", "r+")
fcntl.fcntl(f, F_OFD_SETLK, lock)
assert refused(lambda: fcntl.fcntl(g, F_OFD_SETLK, lock))
os.unlink("locked")
