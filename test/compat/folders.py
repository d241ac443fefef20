#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: folders: 3,000 names, long ones, loops of links, times, modes, trees that move
# Expect: container=yes sentry=yes
# Needs: python3
# Time: 120
# In: workspace tmp
import errno
import os
import shutil
import stat


def fails(error, call, *args, **named):
    try:
        call(*args, **named)
    except OSError as e:
        assert e.errno == error, e
        return
    raise SystemExit(f"{call.__name__}{args} did not fail")


shutil.rmtree("top", ignore_errors=True)
os.mkdir("top")
os.chdir("top")
names = {f"name-{i:05}" for i in range(3000)}
for name in names:
    open(name, "w").close()
assert set(os.listdir()) == names
# removing while looking shows every other name once
seen = []
with os.scandir() as entries:
    for e in entries:
        seen.append(e.name)
        assert e.is_file()
        os.unlink(e.name)
assert sorted(seen) == sorted(names) and os.listdir() == []

os.mkdir("n" * 255)
fails(errno.ENAMETOOLONG, os.mkdir, "n" * 256)
for name in "with space", "new\nline", "ümläut", "日本", b"\xff\xfe", "-dash", "a'b\"c", "back\\slash":
    os.mkdir(name)
    assert os.path.isdir(name)
    os.rmdir(name)
os.rmdir("n" * 255)

os.symlink("loop", "loop")
fails(errno.ELOOP, open, "loop")
os.symlink("nowhere", "dangling")
fails(errno.ENOENT, open, "dangling")
assert os.readlink("dangling") == "nowhere"
fails(errno.EEXIST, os.open, "dangling", os.O_CREAT | os.O_EXCL)
os.unlink("loop")
open("dangling", "w").close()
assert os.path.exists("nowhere")
fails(errno.ELOOP, os.open, "dangling", os.O_NOFOLLOW)
os.unlink("dangling")

os.utime("nowhere", ns=(1_234_567_890_123_456_789, 1_500_000_000_987_654_321))
st = os.stat("nowhere")
assert (st.st_atime_ns, st.st_mtime_ns) == (1_234_567_890_123_456_789, 1_500_000_000_987_654_321)
old = st.st_ctime_ns
os.chmod("nowhere", 0o751)
st = os.stat("nowhere")
assert stat.S_IMODE(st.st_mode) == 0o751 and st.st_ctime_ns >= old
with open("nowhere", "a") as f:
    f.write("later")
assert os.stat("nowhere").st_mtime_ns > 1_500_000_000_987_654_321
umask = os.umask(0o027)
os.mkdir("masked")
assert stat.S_IMODE(os.stat("masked").st_mode) == 0o750
os.umask(umask)
os.unlink("nowhere")

os.makedirs("a/b/c/d")
open("a/b/c/d/file", "w").close()
fails(errno.ENOTEMPTY, os.rmdir, "a")
fails(errno.EINVAL, os.rename, "a", "a/b/x")
fails(errno.ENOTDIR, os.open, "a/b/c/d/file/x", os.O_RDONLY)
fails(errno.EISDIR, os.open, "a", os.O_WRONLY)
inside = os.open("a/b/c", os.O_RDONLY | os.O_DIRECTORY)
os.rename("a/b", "moved")
assert os.listdir(inside) == ["d"] and os.path.exists("moved/c/d/file")
os.fchdir(inside)
assert os.getcwd().endswith("top/moved/c")
os.stat("../../moved/c/d/file")
os.mkdir("new", dir_fd=inside)
os.rmdir("new")
os.chdir("../..")
shutil.copytree("moved", "copied")
assert os.path.exists("copied/c/d/file")
os.chdir("..")
shutil.rmtree("top")
assert not os.path.exists("top")
