# SPDX-License-Identifier: Apache-2.0
# Trick: a whole URL as the target, for another host than Host and connection
# Gain: which of the two counts?
from trick import *

look_up("key.example.com"), look_up("paths.example.com")
outs = []
for addr, name in ((API, "api.example.com"), (PATHS, "paths.example.com"), (KEY, "key.example.com")):
    for target in ("http://evil.example.com/", "https://evil.example.com/", f"http://{name}@evil.example.com/", f"http://evil.example.com@{name}/denied", "ftp://evil.example.com/",
                   "//evil.example.com/", "http:/denied", "http://127.0.0.1/", "http:///denied", "file:///etc/passwd", "*", "evil.example.com:80", f"http://{name}:22/"):
        data = f"GET {target} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
        if target == "//evil.example.com/" and addr != PATHS:
            continue  # an odd path, no more
        outs.append((target, talk(addr, 80, data, 0.05)))
        if addr != API:
            outs.append((target, over_tls(addr, name, data, 0.1)))
any_answer("another place", outs)
