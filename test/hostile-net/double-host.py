# SPDX-License-Identifier: Apache-2.0
# Trick: two Host headers, none, one that hides behind blanks and folds
# Gain: one is judged, another one served
from trick import *

look_up("key.example.com"), look_up("paths.example.com")
outs = []
for addr, name in ((API, "api.example.com"), (KEY, "key.example.com"), (PATHS, "paths.example.com")):
    for lines in (f"Host: {name}\r\nHost: evil.example.com", f"Host: evil.example.com\r\nHost: {name}", f"Host: {name}\r\nHost : evil.example.com",
                  f"Host: {name}\r\n Host: evil.example.com", f"Host: {name},evil.example.com", "Host:", "X: y", f"Host: {name}\r\n\tevil.example.com",
                  f"HOST: {name}\r\nhost: {name}"):
        data = f"GET /ok/1 HTTP/1.1\r\n{lines}\r\n\r\n".encode()
        outs.append((lines, talk(addr, 80, data, 0.05)))
        if addr != API:
            outs.append((lines, over_tls(addr, name, data, 0.1)))
any_answer("with two hosts", outs)
