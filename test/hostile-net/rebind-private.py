# SPDX-License-Identifier: Apache-2.0
# Trick: an allowed name whose answers are private, loopback, link-local and the host's
#	own
# Gain: DNS rebinding: the name's owner says where its rule leads
from trick import *

outs = []
for name in ("private", "loop", "meta", "own", "six", "mapped", "nat", "mixed"):
    name += ".rebind.example.com"
    got = look_up(name) + look_up(name, 28)
    for addr in got:
        if addr != FLIP:
            escaped(f"{name} was told to be {addr}")
    for addr in ("10.0.0.5", "127.0.0.1", "169.254.169.254", "11.0.0.2", "fd00:ec2::254"):
        outs.append((name, talk(addr, 80, request(name), 0.05)))
any_answer("rebinding", outs)
