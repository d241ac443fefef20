# SPDX-License-Identifier: Apache-2.0
"""Connections that are open and wait for something: which of them end, and how?

    flows.py SECONDS

Prints "open" when all are, and then a line each: "NAME cut", or "NAME lives".
"""
import select
import sys
import time

from trick import RAW, look_up, read, request, say, tcp, tls

seconds = float(sys.argv[1])
flows = {}
for name in ("api", "key", "mixed.rebind", "raw"):
    addr = look_up(name + ".example.com")[0]
    if name == "raw":
        flows[name] = tcp(RAW, 22)
        read(flows[name], 1, b"\n")
        continue
    host = name + ".example.com"
    slow = request(host, f"/slow?s={seconds}")
    flows[name + " passed" if name != "key" else "key opened"] = s = tls(addr, 443, host)
    say(s, slow)
    flows[name + " clear"] = s = tcp(addr, 80)
    say(s, slow)
time.sleep(0.3)
print("open", flush=True)
end = time.time() + seconds + 1
waiting = dict(flows)
while waiting and time.time() < end:
    for name, s in list(waiting.items()):
        if not select.select([s], [], [], 0.02)[0]:
            continue
        s.settimeout(0.05)
        try:
            data = s.recv(4096)
        except TimeoutError:
            continue  # TLS has said something of its own
        except OSError:
            data = b""
        if not data or b"brig: " in data:
            print(name, "cut", flush=True)
        elif b"late" in data or b"200 OK" in data:
            print(name, "lives", flush=True)
        else:
            continue
        del waiting[name]
for name in waiting:
    print(name, "lives", flush=True)
