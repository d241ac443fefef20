# SPDX-License-Identifier: Apache-2.0
# Trick: two server names: in one list, in two extensions, of another type
# Gain: the gate reads one, the server the other
from trick import *

for data in (hello(names=["api.example.com", "evil.example.com"]), hello(names=["evil.example.com", "api.example.com"]),
             hello("api.example.com", twice=True),
             hello(extra=struct.pack("!HHHBH", 0, 23, 21, 7, 1) + b"x" + b"\0\0\x0f" + b"api.example.com" ),
             hello("api.example.com", extra=struct.pack("!HHHBH", 0, 20, 18, 0, 15) + b"api.example.com")):
    if server_hello(talk(API, 443, records(data), 0.2)):
        escaped("the handshake goes on")
stopped("one name or none")
