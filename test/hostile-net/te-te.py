# SPDX-License-Identifier: Apache-2.0
# Trick: Transfer-Encoding that is hidden from one of two readers: blanks, case, lists,
#	twice, other codings
# Gain: TE.TE: who doesn't see it goes by the length
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

for te in (b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: chunked, identity",
           b"Transfer-Encoding: identity, chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
           b"X: y\nTransfer-Encoding: chunked", b"Transfer-Encoding\r\n: chunked", b"transfer-encoding: CHUNKED", b"Transfer-Encoding: \"chunked\"",
           b"Transfer_Encoding: chunked", b"Transfer-Encoding: chunked;q=1", b" Transfer-Encoding: chunked", b"Transfer-Encoding:\tchunked"):
    both(HEAD + te + b"\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + HIDDEN)
stopped("nothing hidden arrives")
