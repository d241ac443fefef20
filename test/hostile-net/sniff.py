# SPDX-License-Identifier: Apache-2.0
# Trick: listen to everything on the link, in promiscuous mode
# Gain: what other sandboxes and the host say
from trick import *

s = packets("packet socket", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
for index in range(1, 8):
    try:
        s.setsockopt(263, 1, struct.pack("iHH8s", index, 1, 0, b""))  # PACKET_ADD_MEMBERSHIP, promiscuous
    except OSError:
        pass
s.settimeout(0.1)
if BARE:
    talk(API, 80, request("api.example.com", "/from-the-other-sandbox"))
end, n = time.time() + 0.8, 0
while time.time() < end:
    try:
        data = s.recv(65536)
    except OSError:
        continue
    n += 1
    if b"from-the-other-sandbox" in data:
        escaped("it hears the other sandbox")
stopped(f"{n} frames, all its own")
