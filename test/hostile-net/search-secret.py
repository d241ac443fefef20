# SPDX-License-Identifier: Apache-2.0
# Trick: environment, files, /run/brig, processes and their memory searched for keys and
#	secrets, as root
# Gain: the real thing has been left somewhere
from trick import *

import re

found = []
for pid in [str(os.getpid())] if BARE else filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as f:
                hear(f.read(1 << 20))
        except OSError:
            pass
    if int(pid) == os.getpid():
        continue
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
            for line in maps:
                start, end = (int(n, 16) for n in line.split()[0].split("-"))
                if line.split()[1][0] != "r" or end - start > 1 << 24 or "[v" in line:
                    continue
                try:
                    mem.seek(start)
                    data = mem.read(end - start)
                except (OSError, ValueError, OverflowError):
                    continue
                for hit in re.finditer(rb"real-[A-Za-z0-9-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----\nM", data):
                    hear(hit.group())
    except OSError:
        pass
for top in () if BARE else ("/run/brig", "/run", "/tmp", "/etc/ssl", "/etc/brig", os.environ.get("HOME", "/root")):
    for folder, _, names in os.walk(top):
        for name in names[:200]:
            path = os.path.join(folder, name)
            try:
                if os.path.isfile(path) and os.path.getsize(path) < 1 << 22:
                    with open(path, "rb") as f:
                        data = f.read()
                    if top == "/run/brig" and (b"PRIVATE KEY" in data or name.endswith(".key")):
                        found.append(path)
                    if b"real-" in data:
                        hear(data)
            except OSError:
                pass
if found and not BARE:
    escaped(f"a private key in {found}")
stopped("run.sh looks at what was found")
