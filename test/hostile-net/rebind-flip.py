# SPDX-License-Identifier: Apache-2.0
# Trick: a name that is public when it is looked up and private when it is connected to
# Gain: DNS rebinding between check and use
from trick import *

name, outs = "flip.example.com", []
for turn in range(4):
    got = look_up(name)
    if any(a != FLIP for a in got):
        escaped(f"{name} was told to be {got}")
    for addr in (FLIP, "127.0.0.1", "10.0.0.5", HOST):
        out = talk(addr, 80, request(name), 0.1)
        if addr != FLIP:
            outs.append((addr, out))
    if not BARE:
        out = proxied(f"GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\n\r\n".encode(), 0.2)
        if b"canary" in out:
            escaped("the canary answered")
    time.sleep(0.02)
any_answer("the name that changes", outs)
