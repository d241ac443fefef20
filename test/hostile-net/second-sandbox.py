# SPDX-License-Identifier: Apache-2.0
# Trick: another sandbox's addresses, by IPv4, IPv6, link-local and broadcast
# Gain: from one captured agent to the next
# Control: none, run.sh looks whether the other's canary works
from trick import *

outs = []
for addr in (GUEST, GUEST6, "100.127.255.252", "100.127.255.254", "fd62:7269:6700::4", GATE, HOST):
    outs.append((addr, talk(addr, 7777, b"brig-smuggled", 0.15)))
for link in range(1, 4):
    for addr in ("fe80::62:72ff:fe69:6702", "fe80::62:72ff:fe69:6701", "ff02::1"):
        s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        s.settimeout(0.2)
        try:
            s.connect((addr, 7777, 0, link))
            s.sendall(b"brig-smuggled")
            outs.append((addr, read(s, 0.1)))
        except OSError as e:
            hear(repr(e).encode())
for addr in (GUEST, "100.127.255.255", "255.255.255.255"):
    ask(b"brig-smuggled", addr, 7777, 0.05)
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try:
    s.connect("\0brig-other-sandbox")
    escaped("its abstract socket was reached")
except OSError:
    pass
if b"canary" in b"".join(out for _, out in outs):
    escaped("the other sandbox answered")
stopped("it isn't there")
