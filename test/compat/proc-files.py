#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: /proc tells programs what they look for: maps, status, memory, mounts, limits
# Expect: container=yes sentry=yes
# Needs: python3
import ctypes
import os
import re


def read(path):
    with open(path) as f:
        return f.read()


maps = read("/proc/self/maps")
assert "[stack]" in maps and "[heap]" in maps
exe = os.readlink("/proc/self/exe")
assert any(line.endswith(exe) for line in maps.splitlines()), exe
for line in maps.splitlines():
    assert re.match(r"[0-9a-f]+-[0-9a-f]+ [r-][w-][x-][ps] [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+", line), line
status = dict(line.split(":", 1) for line in read("/proc/self/status").splitlines() if ":" in line)
assert int(status["Pid"]) == os.getpid() and int(status["PPid"]) == os.getppid()
for key in "VmRSS", "VmSize", "Threads", "Uid", "CapEff", "SigCgt", "Seccomp", "Cpus_allowed_list":
    assert key in status, key
assert int(status["VmRSS"].split()[0]) > 1000
stat = read("/proc/self/stat").rsplit(")", 1)[1].split()
assert len(stat) >= 49 and int(stat[21]) > 100
memory = {k: int(v.split()[0]) for k, v in (l.split(":") for l in read("/proc/meminfo").splitlines())}
assert 0 < memory["MemAvailable"] <= memory["MemTotal"] and "SwapTotal" in memory
cpus = read("/proc/cpuinfo")
assert cpus.count("processor\t") == os.cpu_count() > 0 and "flags\t" in cpus and "model name" in cpus
assert int(read("/proc/sys/kernel/pid_max")) > 300
for name in ("kernel/ostype", "kernel/osrelease", "kernel/hostname", "kernel/random/boot_id",
             "kernel/random/uuid", "kernel/cap_last_cap", "kernel/ngroups_max", "kernel/threads-max",
             "kernel/randomize_va_space", "fs/file-max", "fs/pipe-max-size", "fs/nr_open",
             "fs/inotify/max_user_watches", "vm/overcommit_memory", "vm/max_map_count", "net/core/somaxconn"):
    assert read("/proc/sys/" + name).strip(), name
assert read("/proc/sys/kernel/random/uuid") != read("/proc/sys/kernel/random/uuid")
assert read("/proc/sys/kernel/osrelease").strip() == os.uname().release
assert any(l.split()[1] == "/proc" for l in read("/proc/mounts").splitlines())
info = [l.split() for l in read("/proc/self/mountinfo").splitlines()]
assert any(l[4] == "/" for l in info) and all("-" in l for l in info)
assert all(l.count(":") >= 2 for l in read("/proc/self/cgroup").splitlines())
assert re.search(r"Max open files\s+\d+", read("/proc/self/limits"))
assert "python" in read("/proc/self/cmdline") and read("/proc/self/comm").strip()
assert "PATH=" in read("/proc/self/environ")
with open("file", "w+") as f:
    assert os.readlink(f"/proc/self/fd/{f.fileno()}") == os.path.realpath("file")
    f.write("abc")
    f.flush()
    assert "pos:\t3" in read(f"/proc/self/fdinfo/{f.fileno()}")
    assert os.stat(f"/proc/self/fd/{f.fileno()}").st_ino == os.stat("file").st_ino
os.unlink("file")
assert len(os.listdir("/proc/self/task")) == 1 and str(os.getpid()) in os.listdir("/proc")
assert float(read("/proc/uptime").split()[0]) > 0 and len(read("/proc/loadavg").split()) == 5
assert re.search(r"^cpu ", read("/proc/stat"), re.M) and "btime " in read("/proc/stat")
assert "tmpfs" in read("/proc/filesystems") and read("/proc/version").startswith("Linux version")
assert "Rss:" in read("/proc/self/smaps") and "Pss:" in read("/proc/self/smaps_rollup")
assert "lo:" in read("/proc/net/dev") and "Iface" in read("/proc/net/route")

# what a process sees of its own memory by number
number = ctypes.c_long(0x1234567)
with open("/proc/self/mem", "rb", 0) as f:
    f.seek(ctypes.addressof(number))
    assert f.read(4) == b"\x67\x45\x23\x01"
libc = ctypes.CDLL(None)
assert libc.prctl(15, b"renamed", 0, 0, 0) == 0 and read("/proc/self/comm") == "renamed\n"
