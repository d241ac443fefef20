# SPDX-License-Identifier: Apache-2.0
# Trick: a denied request behind allowed ones on one connection, in one piece and in two
# Gain: only the first is judged
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

outs = [both(HEAD + b"\r\n" + HIDDEN), both((HEAD + b"\r\n") * 5 + HIDDEN + HEAD + b"\r\n"),
        both(HEAD + b"\r\n" + HIDDEN.replace(b"paths", b"evil")), both(HEAD + b"\r\nSMUGGLED /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n\r\n")]
s = tls(PATHS, 443, "paths.example.com")
if s and say(s, HEAD + b"\r\n"):
    read(s, 0.2)
    say(s, HIDDEN)
    outs.append(read(s, 0.2)[:0])
stopped("each is judged")
