# SPDX-License-Identifier: Apache-2.0
# Trick: Content-Length and Transfer-Encoding in one request, in both orders (CL.TE and
#	TE.CL)
# Gain: one reader's body is the other's next request
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

for head in (b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % (len(HIDDEN) + 5), b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
             b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"):
    both(HEAD + head + b"\r\n0\r\n\r\n" + HIDDEN)
    both(HEAD + head + b"\r\n%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n")
stopped("nothing hidden arrives")
