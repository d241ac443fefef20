# SPDX-License-Identifier: Apache-2.0
# Trick: methods in other case, unknown ones, TRACE, and with a body, where GET alone is
#	allowed
# Gain: what isn't in the table isn't in the rule
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

outs = []
for method in ("POST", "PUT", "DELETE", "SMUGGLED", "get", "Get", "TRACE", "CONNECT", "OPTIONS", "PRI", "GETX", "PATCH", "HEAD", "GET,POST", "\"GET\"", "M-SEARCH", "G E T"):
    outs.append((method, both(f"{method} /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\nContent-Length: 1\r\n\r\nx".encode())))
any_answer("other methods", outs)
