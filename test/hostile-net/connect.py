# SPDX-License-Identifier: Apache-2.0
# Trick: CONNECT to denied hosts, private and own addresses, the gate itself, mail and odd
#	ports, in odd forms
# Gain: a proxy that asks nothing
# Control: open
from trick import *

outs = []
for target in ("evil.example.com:443", EVIL + ":443", f"[{EVIL6}]:443", "127.0.0.1:80", "[::1]:80", "localhost:22", "10.0.0.5:80", "169.254.169.254:80", "11.0.0.2:80",
               "api.example.com:25", "api.example.com:22", "api.example.com:0", "api.example.com:65536", "api.example.com:443:80", "api.example.com", ":443", "shared.example.com:443",
               "host.brig.internal:80", "gate.brig.internal:3128", GATE + ":3128", "[::ffff:127.0.0.1]:80", "2130706433:80", "0:80", "private.rebind.example.com:443",
               "evil.example.com@api.example.com:443", "http://evil.example.com:80", "evil.example.com:80/", "smtp.evil.org:25"):
    s = tunnel(target)
    if s:
        say(s, request("evil.example.com"))
        outs.append((target, read(s, 0.2)))
for name in ("evil.example.com", "shared.example.com"):  # a good tunnel, and another name in it
    s = tunnel("api.example.com:443")
    s = s and tls(API, 443, name, sock=s)
    if s and say(s, request(name)):
        outs.append((name, read(s, 0.2)))
any_answer("CONNECT", outs)
