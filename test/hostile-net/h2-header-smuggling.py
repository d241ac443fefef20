# SPDX-License-Identifier: Apache-2.0
# Trick: HTTP/2 fields that mean something in HTTP/1: CRLF in values, transfer-encoding,
#	connection, upper case, content-length that lies
# Gain: two requests upstream for one that was judged
# Control: none, the world speaks no HTTP/2
from trick import *

look_up("paths.example.com")
evil = "a\r\nX-Smuggled: 1\r\n\r\nGET /denied HTTP/1.1\r\nHost: paths.example.com\r\n\r\n"
for fields in (h2_fields("paths.example.com", "/ok/1", more=[("x-a", evil)]), h2_fields("paths.example.com", "/ok/1", more=[(evil, "x")]),
               h2_fields("paths.example.com", "/ok/1 HTTP/1.1\r\nX-Smuggled: 1\r\n"), h2_fields("paths.example.com", "/ok/1", "GET /denied HTTP/1.1\r\n"),
               h2_fields("paths.example.com", "/ok/1", more=[("transfer-encoding", "chunked")]), h2_fields("paths.example.com", "/ok/1", more=[("connection", "x-smuggled")]),
               h2_fields("paths.example.com", "/ok/1", more=[("content-length", "0"), ("content-length", "40")]),
               h2_fields("paths.example.com", "/ok/1", more=[("X-Smuggled", "1")]), h2_fields("paths.example.com", "/ok/1", more=[("x-smuggled ", "1")]),
               h2_fields("paths.example.com", "/ok/1", more=[(":path", "/denied")]), h2_fields("paths.example.com", "/ok/../denied"),
               h2_fields("paths.example.com", "/ok/1", more=[("upgrade", "websocket")]), h2_fields("paths.example.com", "/ok/\0x")):
    s = h2_open(PATHS, "paths.example.com")
    if not s:
        untried("no connection")
    say(s, frame(1, 4, 1, hpack(fields)) + frame(0, 1, 1, b"0\r\n\r\nGET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"))
    read(s, 0.15)
stopped("nothing came out as HTTP/1")
