# SPDX-License-Identifier: Apache-2.0
# Trick: the addresses that the host itself has on its links
# Gain: what the host serves to its own network
from trick import *

outs = []
for addr, host in (("11.0.0.2", "11.0.0.2"), ("2a00:11::2", "[2a00:11::2]")):
    for port in (22, 80, 443, 8080):
        outs.append((f"{addr} {port}", talk(addr, port, request(host), 0.2)))
    if not BARE:
        outs.append((addr, proxied(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), 0.2)))
        s = tunnel(host + ":80")
        if s and say(s, request(host)):
            outs.append((addr, read(s, 0.2)))
for addr in look_up("own.rebind.example.com"):
    outs.append(("own.rebind", talk(addr, 80, request("own.rebind.example.com"), 0.2)))
any_answer("the host's own addresses", outs)
