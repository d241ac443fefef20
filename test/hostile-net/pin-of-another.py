# SPDX-License-Identifier: Apache-2.0
# Trick: addresses that this sandbox never looked up, though another one did
# Gain: what one was told is believed of all
# Fresh: yes
# Rules: none
from trick import *

outs = []
for addr, name in ((API, "api.example.com"), (API6, "api.example.com"), (KEY, "key.example.com")):
    outs.append((name, talk(addr, 80, request(name), 0.2)))
    outs.append((name + " TLS", over_tls(addr, name, request(name, headers=["x-api-key: " + SENTINEL]), 0.3)))
any_answer("never looked up", outs)
