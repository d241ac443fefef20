# SPDX-License-Identifier: Apache-2.0
# Trick: server names with NUL, dots, blanks, unicode, other bytes, too long, with lengths
#	that don't agree
# Gain: two readers, two names
from trick import *

bad = [b"api.example.com\0.evil.example.com", b"evil.example.com\0api.example.com", b"api.example.com..", b".api.example.com",
       b"api..example.com", b"api.example.com ", b" api.example.com", b"api.example.com/", b"api.example.com:443", b"api.example.com\n",
       b"\xd0\xb0pi.example.com", b"xn--pi-7kc.example.com", b"a" * 300, b"api.example.com@evil.example.com", b"*.example.com", b"%61pi.example.com"]
for name in bad:
    if server_hello(talk(API, 443, records(hello(raw_name=name)), 0.1)):
        escaped(f"{name!r}: the handshake goes on")
good = records(hello("api.example.com"))
for at in (5, 6, 8, 43, 76, len(good) - 200, len(good) - 120):
    broken = bytearray(good)
    broken[at % len(good)] ^= 0x11
    talk(API, 443, bytes(broken), 0.05)
stopped("names as they are meant to be, or none")
