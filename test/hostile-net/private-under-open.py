# SPDX-License-Identifier: Apache-2.0
# Trick: private, shared, link-local and reserved networks where every public address is
#	allowed
# Gain: the network that the host is in
# Rules: open
from trick import *

outs = []
for addr in ("10.0.0.5", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "198.18.0.1", "192.0.2.1",
             "240.0.0.1", "fd00::5", "fec0::1", "2001:db8::1", "64:ff9b::a00:5", "11.0.0.2", "2a00:11::2"):
    outs.append((addr, talk(addr, 80, request(f"[{addr}]" if ":" in addr else addr), 0.15)))
for name in ("private", "loop", "meta", "own", "six", "mapped", "nat"):
    for kind in (1, 28):
        for addr in look_up(name + ".rebind.example.com", kind):
            outs.append((name, talk(addr, 80, request(name + ".rebind.example.com"), 0.15)))
    if not BARE:
        s = tunnel(name + ".rebind.example.com:80")
        if s and say(s, request(name + ".rebind.example.com")):
            outs.append((name, read(s, 0.2)))
any_answer("not public", outs)
