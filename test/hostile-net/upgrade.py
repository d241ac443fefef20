# SPDX-License-Identifier: Apache-2.0
# Trick: Upgrade to h2c, to TLS, to a WebSocket, and then bytes that aren't
# Gain: after the switch nobody looks any more
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

ws = b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
h2 = PREFACE + frame(4) + frame(1, 5, 1, hpack(h2_fields("paths.example.com", "/denied")))
for head in (b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
             ws + b"Upgrade: websocket\r\n", ws + b"Upgrade: websocket, h2c\r\n", b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\nUpgrade: foo\r\n",
             b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n"):
    both(HEAD + head + b"\r\n" + HIDDEN)
    both(HEAD + head + b"\r\n" + h2)
both(h2)
stopped("nobody switches to what was not judged")
