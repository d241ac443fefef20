# SPDX-License-Identifier: Apache-2.0
# Trick: groups and broadcasts: mDNS, SSDP, LLMNR, DHCP, all nodes
# Gain: neighbours that answer everybody
from trick import *

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.settimeout(0.2)
for addr, port in (("224.0.0.251", 5353), ("239.255.255.250", 1900), ("224.0.0.252", 5355), ("255.255.255.255", 67),
                   ("100.127.255.255", 7777), ("224.0.0.1", 7777), ("255.255.255.255", 53), ("11.0.0.255", 9)):
    try:
        s.sendto(b"brig-smuggled", (addr, port))
    except OSError as e:
        hear(repr(e).encode())
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for addr, port in (("ff02::fb", 5353), ("ff02::1", 7777), ("ff05::c", 1900), ("ff02::1:2", 547), ("ff0e::1", 9)):
    for link in range(1, 4):
        try:
            six.sendto(b"brig-smuggled", (addr, port, 0, link))
        except OSError as e:
            hear(repr(e).encode())
try:
    escaped(f"{s.recvfrom(2000)[1]} answered")
except OSError:
    stopped("nobody is there")
