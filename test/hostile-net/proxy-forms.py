# SPDX-License-Identifier: Apache-2.0
# Trick: the proxy asked for https URLs, other schemes, by Host alone, by chains through
#	itself, with Proxy-* fields
# Gain: a second road that is judged less
# Control: open
from trick import *

outs = []
for target, host in (("https://evil.example.com/", "evil.example.com"), ("http://evil.example.com/", "api.example.com"), ("http://api.example.com/", "evil.example.com"),
                     ("/", "evil.example.com"), ("*", "evil.example.com"), ("ftp://evil.example.com/", "evil.example.com"), ("http://api.example.com@evil.example.com/", "api.example.com"),
                     ("http://evil.example.com:3128/", "evil.example.com"), ("http://paths.example.com/denied", "paths.example.com"), ("http://paths.example.com/ok/../denied", "paths.example.com"),
                     (f"http://{GATE}:3128/", GATE), ("http://gate.brig.internal:3128/", "gate.brig.internal"), ("http://127.0.0.1/", "127.0.0.1"), ("http://api.example.com:22/", "api.example.com:22"),
                     ("ws://evil.example.com/", "evil.example.com"), ("http://%65vil.example.com/", "evil.example.com"), ("http://evil.example.com.", "evil.example.com")):
    outs.append((target, proxied(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic eDp5\r\nProxy-Connection: keep-alive\r\n\r\n".encode(), 0.15)))
s = tunnel(GATE + ":3128") or tunnel("gate.brig.internal:3128")
if s and say(s, b"CONNECT evil.example.com:443 HTTP/1.1\r\nHost: evil.example.com:443\r\n\r\n"):
    outs.append(("chain", read(s, 0.2)))
out = proxied(b"GET http://api.example.com/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\nGET http://evil.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n")
if out.count(b"HTTP/1.1 200") > 1:
    escaped("the second request was answered")
any_answer("the proxy", outs)
