# SPDX-License-Identifier: Apache-2.0
# Trick: an encrypted ClientHello (GREASE) under the name of an allowed host
# Gain: the name that counts is out of sight
from trick import *

for name in ("api.example.com", "key.example.com"):
    addr = (look_up(name) or [API])[0]
    talk(addr, 443, records(hello(name, ech=True)), 0.3)
    talk(addr, 443, records(hello(name, ech=True), 100), 0.3)
stopped("no such hello arrives")
