# SPDX-License-Identifier: Apache-2.0
# Trick: the proxy is asked for allowed names that lead to private places
# Gain: it resolves by itself, so it has to look itself
# Control: open
from trick import *

outs = []
for name in ("private", "loop", "meta", "own", "six", "mapped", "nat"):
    name += ".rebind.example.com"
    outs.append((name, proxied(f"GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\n\r\n".encode(), 0.2)))
    for port in (80, 443, 8080):
        s = tunnel(f"{name}:{port}")
        if s and say(s, request(name)):
            outs.append((name, read(s, 0.2)))
any_answer("by the proxy", outs)
