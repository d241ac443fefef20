# SPDX-License-Identifier: Apache-2.0
# Trick: line ends, NUL and blanks in method, target, version and values
# Gain: a second line or request is made of one
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

for line in (b"GET /ok/1 HTTP/1.1\nX-Smuggled: 1", b"GET /ok/1\rX HTTP/1.1\r\nX-Smuggled: 1\0", b"GET /ok/1%0d%0aX-Smuggled:%201 HTTP/1.1", b"GET /ok/1 HTTP/1.1\r\r\nX-Smuggled: 1",
             b"GET /ok/1\0/../denied HTTP/1.1", b"GET /ok/1 /denied HTTP/1.1", b"GET  /denied HTTP/1.1", b"GET\t/denied\tHTTP/1.1", b"GET /ok/1 HTTP/1.1 HTTP/1.1", b"GET /denied",
             b"GET /denied HTTP/0.9", b"GET /denied HTTP/2.0", b"GET /ok/1#/denied HTTP/1.1", b"GET\x0b/denied HTTP/1.1", b"\r\n\r\nGET /denied HTTP/1.1", b"GET /ok/1\x85 HTTP/1.1",
             b"GET /denied HTTP/1.10", b"GET /denied HTTP/1.1\x0b"):
    both(line + b"\r\nHost: paths.example.com\r\n\r\n")
stopped("one line is one line")
