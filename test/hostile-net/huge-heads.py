# SPDX-License-Identifier: Apache-2.0
# Trick: heads of many megabytes, of 100,000 lines, lines without end, in clear and in TLS
# Gain: memory
# Control: none, it is aimed at the gate
from trick import *

look_up("paths.example.com")
head = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
for data in (head + b"X: " + b"a" * (4 << 20), head + b"X: y\r\n" * 100000, b"GET /" + b"a" * (2 << 20), head + b"Cookie: " + b"a=b; " * 200000 + b"\r\n\r\n", b"\r\n" * 200000,
             head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 100000):
    talk(PATHS, 80, data, 0.1)
    over_tls(PATHS, "paths.example.com", data, 0.1)
if not alive(10):
    escaped("nothing works any more")
stopped("the gate serves on")
