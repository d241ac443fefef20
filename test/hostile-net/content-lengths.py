# SPDX-License-Identifier: Apache-2.0
# Trick: two lengths, lists, signs, blanks, hexadecimal, overflows, in GET and HEAD
# Gain: where a request ends is a matter of opinion
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

for cl in (b"Content-Length: 0\r\nContent-Length: 5", b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length: -1", b"Content-Length: 0x5",
           b"Content-Length: 5 ", b"Content-Length: 5 6", b"Content-Length: 00000005", b"Content-Length: 18446744073709551616", b"Content-Length: 9223372036854775808",
           b"Content-Length : 0", b"Content-Length: 0\x0b", b"Content-Length:", b"Content-Length: \"0\"", b"Content-Length: 1e1"):
    both(HEAD + cl + b"\r\n\r\n" + HIDDEN)
stopped("nothing hidden arrives")
