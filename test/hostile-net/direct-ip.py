# SPDX-License-Identifier: Apache-2.0
# Trick: connect to a denied host by its address, with no name looked up
# Gain: a rule about names would hold nobody
from trick import *

outs = []
for addr in (EVIL, EVIL6):
    for port in (80, 443, 22, 8080, 25):
        outs.append((f"{addr} {port}", talk(addr, port, request("api.example.com"), 0.2)))
    outs.append((addr + " TLS", over_tls(addr, "api.example.com", request("api.example.com"), 0.2)))
any_answer("by address", outs)
