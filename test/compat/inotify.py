#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: inotify tells of files made, changed, cut short, moved and removed
# Expect: container=yes sentry=yes
# Needs: python3
# In: workspace tmp
import ctypes
import os
import select
import struct

libc = ctypes.CDLL(None, use_errno=True)
NAMES = {0x1: "access", 0x2: "modify", 0x4: "attrib", 0x8: "close_write", 0x10: "close_nowrite",
         0x20: "open", 0x40: "moved_from", 0x80: "moved_to", 0x100: "create", 0x200: "delete",
         0x400: "delete_self", 0x8000: "ignored"}
os.makedirs("noted/sub")
fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
assert fd >= 0, os.strerror(ctypes.get_errno())
top = libc.inotify_add_watch(fd, b"noted", 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400)
assert top >= 0, os.strerror(ctypes.get_errno())


def events():
    got = []
    while select.select([fd], [], [], 0.3)[0]:
        data = os.read(fd, 65536)
        while data:
            _, mask, cookie, size = struct.unpack_from("iIII", data)
            name = data[16:16 + size].rstrip(b"\0").decode()
            got.append((NAMES[mask & 0xffff], name, cookie))
            data = data[16 + size:]
    return got


def told(*wanted):
    got = events()
    assert [g[:2] for g in got] == list(wanted), got
    return got


with open("noted/a", "w") as f:
    f.write("text")
told(("create", "a"), ("modify", "a"), ("close_write", "a"))
open("noted/a", "w").close()
told(("modify", "a"), ("close_write", "a"))
os.chmod("noted/a", 0o600)
told(("attrib", "a"))
os.rename("noted/a", "noted/b")
got = told(("moved_from", "a"), ("moved_to", "b"))
assert got[0][2] == got[1][2] != 0
os.link("noted/b", "noted/c")
told(("create", "c"))
os.rename("noted/c", "noted/sub/c")
told(("moved_from", "c"))
# another process's doing
os.system("echo more >>noted/b")
told(("modify", "b"), ("close_write", "b"))
os.truncate("noted/b", 1)
told(("modify", "b"))
os.unlink("noted/b")
told(("delete", "b"))
os.unlink("noted/sub/c")
os.rmdir("noted/sub")
told(("delete", "sub"))
os.rmdir("noted")
assert [g[0] for g in events()] == ["delete_self", "ignored"]
