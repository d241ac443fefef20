# SPDX-License-Identifier: Apache-2.0
# Trick: the link moved to a network namespace of one's own, bridged, renamed, taken down
#	and up
# Gain: other rules there, or none
# Fresh: yes
# Power: network
# Control: none, it would change the test's own world
from trick import *

def tries(where):
    code = ("import socket\nfor a in ('93.184.216.35', '11.0.0.2', '10.0.0.5'):\n try: socket.create_connection((a, 80), 0.3)"
            ".sendall(b'GET / HTTP/1.1\\r\\nHost: evil.example.com\\r\\n\\r\\n')\n except OSError as e: print(e)")
    run(*where, "python3", "-c", code)


made = [run("ip", "link", "set", "eth0", "down"), run("ip", "link", "set", "eth0", "name", "wan0"),
        run("ip", "link", "set", "wan0", "up"), run("ip", "route", "add", "default", "dev", "wan0")]
tries([])
child = subprocess.Popen(["unshare", "-n", "sleep", "20"], stderr=subprocess.DEVNULL)
time.sleep(0.1)
for name in ("wan0", "eth0"):
    made.append(run("ip", "link", "set", name, "netns", str(child.pid)))
inside = ["nsenter", "-t", str(child.pid), "-n"]
for name in ("wan0", "eth0"):
    for what in (f"link set {name} up", f"addr add {GUEST}/29 dev {name}", f"route add default via {GATE}"):
        made.append(run(*inside, "ip", *what.split()))
tries(inside)
child.kill()
stopped(f"{sum(made)} of {len(made)} changes made, and nothing beyond the gate")
