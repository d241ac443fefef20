# SPDX-License-Identifier: Apache-2.0
# Trick: resolvers over HTTPS, TLS and QUIC
# Gain: names that nobody sees
from trick import *

outs = []
for addr in ("8.8.8.8", "1.1.1.1"):
    outs.append((addr, over_tls(addr, "dns.google", request("dns.google", "/dns-query?dns=AAAB"), 0.3)))
    outs.append((addr, over_tls(addr, "api.example.com", request("dns.google", "/dns-query?dns=AAAB"), 0.3)))
    for port in (853, 443):
        outs.append((addr, talk(addr, port, records(hello("dns.google")), 0.2)))
    ask(b"\xc3\0\0\0\1\x08" + os.urandom(1190), addr, 853, 0.05)
if look_up("dns.google"):
    escaped("its name is answered")
any_answer("other resolvers", outs)
