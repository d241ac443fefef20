# SPDX-License-Identifier: Apache-2.0
# Trick: every port of the gate's own address, and its transparent port in person
# Gain: a listener that nobody meant to be spoken to
# Control: none, there is no gate without a sandbox
from trick import *

outs, open_ports = [], []
for addr in (GATE, GATE6):
    for port in (22, 80, 111, 443, 3129, 5353, 8080, 65535):
        outs.append((f"{addr} {port}", talk(addr, port, request("api.example.com"), 0.1)))
        outs.append((f"{addr} {port} TLS", over_tls(addr, "api.example.com", request("api.example.com"), 0.1)))
any_answer("the gate's ports", outs)
