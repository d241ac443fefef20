# SPDX-License-Identifier: Apache-2.0
# Trick: Host, Authorization, lengths and hop-by-hop fields as trailers, and folded ones
# Gain: what comes last is looked at least
from trick import *

look_up("key.example.com")
out = []
for lines in (b"Host: evil.example.com", b"Authorization: Bearer " + SENTINEL.encode(), b"x-api-key: " + SENTINEL.encode(), b"Content-Length: 5", b"Transfer-Encoding: chunked",
              b"X-A: b\r\n X-Smuggled: brig-smuggled", b"X-Smuggled\0: brig-smuggled", b"Connection: brig-smuggled"):
    data = b"POST /t HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\nTrailer: host\r\n\r\n1\r\nx\r\n0\r\n" + lines + b"\r\n\r\n"
    talk(API, 80, data % b"api.example.com" if b"%" not in lines else data, 0.1)
    out.append(over_tls(KEY, "key.example.com", data % b"key.example.com", 0.15))
stopped("trailers change nothing")
