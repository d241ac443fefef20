# SPDX-License-Identifier: Apache-2.0
# Trick: HTTP/2 with :authority of another host, with a Host that differs, with two, with
#	none
# Gain: one is judged, another one served
# Control: none, the world speaks no HTTP/2
from trick import *

look_up("key.example.com")
for fields in (h2_fields("evil.example.com"), h2_fields("paths.example.com", "/denied"),
               h2_fields("key.example.com", more=[("host", "evil.example.com")]), h2_fields("evil.example.com", more=[("host", "key.example.com")]),
               h2_fields("key.example.com", more=[(":authority", "evil.example.com")]), [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "evil.example.com")],
               [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "key.example.com"), ("host", "evil.example.com")],
               h2_fields("key.example.com:80"), h2_fields("user@key.example.com"), h2_fields("evil.example.com@key.example.com"),
               h2_fields("key.example.com", "http://evil.example.com/"), h2_fields("key.example.com", "evil"), h2_fields("key.example.com", "//evil.example.com/"),
               [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "evil.example.com")]):
    s = h2_open(KEY, "key.example.com")
    if not s:
        untried("no connection")
    say(s, frame(1, 5, 1, hpack(fields)))
    if h2_ok(read(s, 0.15)) and "evil" in str(fields[3]) :
        escaped(f"{fields} was answered")
stopped("one host, the connection's")
