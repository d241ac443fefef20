# SPDX-License-Identifier: Apache-2.0
# Trick: the host's loopback, by its alias, by name, and by the proxy
# Gain: what listens there believes whoever comes
from trick import *

outs = []
for port in (22, 80, 443, 3128, 8080):
    for addr in (HOST, HOST6, "127.0.0.1", "::1", "0.0.0.0", "127.9.9.9"):
        outs.append((f"{addr} {port}", talk(addr, port, request("host.brig.internal"), 0.1)))
for name in ("host.brig.internal", "HOST.brig.internal.", "localhost", "gate.brig.internal"):
    for addr in look_up(name):
        outs.append((name, talk(addr, 80, request(name), 0.1)))
    if not BARE:
        outs.append((name, proxied(f"GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\n\r\n".encode(), 0.2)))
        s = tunnel(name + ":80")
        if s and say(s, request(name)):
            outs.append((name, read(s, 0.2)))
any_answer("the host's loopback", outs)
