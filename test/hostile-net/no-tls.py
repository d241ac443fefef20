# SPDX-License-Identifier: Apache-2.0
# Trick: something else on the port for TLS: SSLv2, a request first and TLS behind it,
#	plain HTTP, SSH
# Gain: a port is no protocol
from trick import *

outs = []
v2 = b"\x80\x2e\1\0\2\0\x15\0\0\0\x10\1\0\x80\2\0\x80\3\0\x80\4\0\x80\5\0\x80\6\0\x40\7\0\xc0" + os.urandom(16)
for data in (v2, v2 + b"brig-smuggled", b"SSH-2.0-brig-smuggled\r\n", b"\x15\3\1\0\2\2\x28" + records(hello("evil.example.com")),
             b"\x17\3\3\0\x0dbrig-smuggled", b"SMUGGLED brig-smuggled", b"\0" * 100, b"\x16\x07\x07\0\5hello",
             request("api.example.com") + records(hello("evil.example.com"))):
    outs.append((data[:10], talk(API, 443, data, 0.15)))
    talk(API, 80, data if data[:3] != b"GET" else b"brig-smuggled\r\n", 0.1)
for _, out in outs:
    if server_hello(out):
        escaped("a handshake goes on")
stopped("neither fish nor flesh")
