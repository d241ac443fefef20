# SPDX-License-Identifier: Apache-2.0
# Trick: folded header lines, lines without a colon, with blanks before it, with NUL, bare
#	CR and LF
# Gain: headers that one reader sees and another doesn't
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

for lines in (b"X-A: b\r\n X-Smuggled: 1", b"X-A: b\r\n\tHost: evil.example.com", b" X-Smuggled: 1", b"X-Smuggled\0: 1", b"X-A: b\rX-Smuggled: 1",
              b"X-A: b\nX-Smuggled: 1", b"X-Smuggled : 1", b"X-A\r\nX-Smuggled: 1", b"X-A: \0\r\nX-Smuggled: 1", b": x\r\nX-Smuggled: 1",
              b"X-A: \xff\x01\r\nX-Smuggled: 1", b"\r\n" + HIDDEN[:-4]):
    both(HEAD + lines + b"\r\n\r\n")
stopped("no such line arrives")
