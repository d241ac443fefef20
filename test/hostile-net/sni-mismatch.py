# SPDX-License-Identifier: Apache-2.0
# Trick: the TLS server name of one host at the address of another, both ways
# Gain: domain fronting, by a rule for a name on a shared address
from trick import *

look_up("key.example.com"), look_up("paths.example.com"), look_up("shared.example.com")
outs = []
for addr, name in ((API, "shared.example.com"), (API, "evil.example.com"), (API, "key.example.com"), (KEY, "api.example.com"),
                   (KEY, "evil.example.com"), (PATHS, "api.example.com"), (PATHS, "www.paths.example.com"), (API, "example.com")):
    outs.append((f"{name} at {addr}", over_tls(addr, name, request(name, "/denied"), 0.3)))
any_answer("another name", outs)
