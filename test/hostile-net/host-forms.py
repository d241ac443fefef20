# SPDX-License-Identifier: Apache-2.0
# Trick: Host with userinfo, ports, escapes, homographs, dots, brackets, lists, and
#	another name on the same address
# Gain: two readers, two hosts
from trick import *

outs = []
for host in ("evil.example.com@api.example.com", "api.example.com@evil.example.com", "api.example.com:80@evil.example.com", "api.example.com:22",
             "api.example.com:443", "api.example.com:080", "api.example.com:+80", "api.example.com:80:80", "%61pi.example.com", "api.example.com%00.evil.example.com",
             "api.example.com%2eevil.example.com", "\xd0\xb0pi.example.com", "xn--pi-7kc.example.com", "api.example.com.evil.example.com", "api.example.com/", "api.example.com#",
             "api.example.com?", "api.example.com\\evil.example.com", "[api.example.com]", "shared.example.com", "evil.example.com", API + ".", "api.example.com, evil.example.com",
             "api.example.com evil.example.com", "api\t.example.com", "a" * 70000, "gate.brig.internal", "host.brig.internal", "key.example.com", "..", "api.example.com.."):
    outs.append((host[:40], talk(API, 80, request(host, "/denied"), 0.1)))
any_answer("by another form", outs)
