# SPDX-License-Identifier: Apache-2.0
# Trick: TLS with no server name, or with an address for one, to an allowed host's address
# Gain: the server picks a host that nobody judged
from trick import *

outs = []
for name in (None, API, "[" + API + "]"):
    outs.append((name, over_tls(API, name, request("shared.example.com"), 0.3)))
for data in (records(hello()), records(hello(raw_name=b"")), records(hello(raw_name=API.encode())), records(hello(raw_name=b"2606:2800::34"))):
    out = talk(API, 443, data, 0.2)
    if server_hello(out):
        escaped("the handshake goes on")
any_answer("without a name", outs)
