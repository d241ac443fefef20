# SPDX-License-Identifier: Apache-2.0
# Trick: chunk sizes that overflow, with signs and blanks, extensions with line ends, ends
#	that differ
# Gain: where a body ends is a matter of opinion
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

for body in (b"10000000000000000\r\n\r\n", b"ffffffffffffffff\r\nx", b"-1\r\n", b"0x0\r\n\r\n", b"+0\r\n\r\n", b"0 \r\n\r\n", b"0;a=\n\r\n\r\n", b"0;a\rb\r\n\r\n", b"0\n\n",
             b"0\r\n\n", b"1\r\nxy0\r\n\r\n", b"1\r\nx0\r\n\r\n", b"5\r\n0\r\n\r\n\r\n", b"00000000000000000000\r\n\r\n", b"0_0\r\n\r\n", b"\r\n0\r\n\r\n", b"0;" + b"a" * 100000 + b"\r\n\r\n"):
    both(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + HIDDEN)
stopped("nothing hidden arrives")
