# SPDX-License-Identifier: Apache-2.0
# Trick: more addresses, routes, neighbours and another hardware address, as root
# Gain: a network of one's own making leads elsewhere
# Fresh: yes
# Power: network
# Control: none, it would change the test's own world
from trick import *

changed = [run("ip", *what.split()) for what in (
    "addr add 11.0.0.2/24 dev eth0", "addr add 10.0.0.9/8 dev eth0", "addr add 127.0.0.5/8 dev eth0",
    "-6 addr add 2a00:11::2/64 dev eth0 nodad", "link set eth0 promisc on", "link set eth0 mtu 1280",
    "route add 11.0.0.0/24 dev eth0", f"route add {EVIL}/32 via {HOST} dev eth0 onlink",
    "route add 10.0.0.5/32 dev eth0", f"neigh replace {HOST} lladdr 02:62:72:69:67:01 dev eth0",
    "neigh replace 10.0.0.5 lladdr 02:62:72:69:67:01 dev eth0", "neigh replace 11.0.0.1 lladdr 02:62:72:69:67:01 dev eth0",
    "route add 169.254.169.254/32 dev eth0", "neigh replace 169.254.169.254 lladdr 02:62:72:69:67:01 dev eth0",
    "route del local 127.0.0.0/8 table local", "rule add from all lookup 1")]
outs = []
for source in (None, "11.0.0.2", "10.0.0.9"):
    for dst in (EVIL, "11.0.0.1", "10.0.0.5", "169.254.169.254", "127.0.0.1"):
        s = tcp(dst, 80, 0.3, source)
        if s and say(s, request(dst)):
            outs.append((dst, read(s, 0.1)))
any_answer(f"{sum(changed)} of {len(changed)} changes made", outs)
