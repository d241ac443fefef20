#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: attributes of files of the user: set, list, read, replace, remove, on files and folders
# Expect: container=yes sentry=yes
# Needs: python3
# In: workspace tmp
import errno
import os


def fails(error, call, *args, **named):
    try:
        call(*args, **named)
    except OSError as e:
        assert e.errno == error, e
        return
    raise SystemExit(f"{call.__name__} did not fail")


open("attr", "w").close()
os.makedirs("attrs", exist_ok=True)
try:
    os.setxattr("attr", "user.try", b"")
except OSError as e:
    if e.errno == errno.ENOTSUP and os.environ.get("PROBE_NATIVE"):
        print("this file system has none")
        raise SystemExit(77)
    raise
os.removexattr("attr", "user.try")
for name in "attr", "attrs":
    os.setxattr(name, "user.one", b"first\0bytes")
    os.setxattr(name, "user.two", b"x" * 1000)
    assert sorted(n for n in os.listxattr(name) if n.startswith("user.")) == ["user.one", "user.two"]
    assert os.getxattr(name, "user.one") == b"first\0bytes" and len(os.getxattr(name, "user.two")) == 1000
    fails(errno.EEXIST, os.setxattr, name, "user.one", b"", os.XATTR_CREATE)
    os.setxattr(name, "user.one", b"", os.XATTR_REPLACE)
    assert os.getxattr(name, "user.one") == b""
    os.removexattr(name, "user.two")
    fails(errno.ENODATA, os.getxattr, name, "user.two")
os.rename("attr", "attr2")
assert os.getxattr("attr2", "user.one") == b""
os.unlink("attr2")
os.rmdir("attrs")
