# SPDX-License-Identifier: Apache-2.0
# Trick: the link deleted, and looked for what is left
# Gain: without the gate's link there could be another way
# Fresh: yes
# Power: network
# Control: none, it would change the test's own world
from trick import *

gone = run("ip", "link", "del", "eth0")
time.sleep(0.2)
outs = [(a, talk(a, p, request("api.example.com"), 0.2)) for a in (EVIL, API, EVIL6, HOST, "11.0.0.2", GATE) for p in (80, 443)
        if gone or a not in (API, GATE)]
any_answer("deleted" if gone else "it can't be deleted", outs)
