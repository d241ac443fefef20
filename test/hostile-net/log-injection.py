# SPDX-License-Identifier: Apache-2.0
# Trick: control bytes, line ends, escape sequences and JSON in names, hosts, paths and
#	methods
# Gain: the log says what the sandbox wants, or its reader's terminal does
# Control: none, without a sandbox there is no log
from trick import *

nasty = ['\x1b[2J\x1b]0;brig-smuggled\x07', '\\n{"seq":1,"type":"net","verdict":"allow"}', 'a\x85\xc2\x9b31m', '\x7f\x08\x08', '","verdict":"allow","x":"', '\xff\xfe', "\x0b\x0c"]
look_up("paths.example.com")
for text in nasty:
    raw = text.encode("latin-1")
    for data in (b"GET /denied/" + raw + b" HTTP/1.1\r\nHost: paths.example.com\r\n\r\n", b"GET / HTTP/1.1\r\nHost: " + raw + b"\r\n\r\n",
                 raw.replace(b" ", b"") + b" /denied HTTP/1.1\r\nHost: paths.example.com\r\n\r\n", b"GET /denied?" + raw + b" HTTP/1.1\r\nHost: paths.example.com\r\n\r\n"):
        talk(PATHS, 80, data, 0.05)
        over_tls(PATHS, "paths.example.com", data, 0.05)
        if not BARE:
            proxied(b"CONNECT " + raw + b":443 HTTP/1.1\r\n\r\n", 0.05)
    talk(API, 443, records(hello(raw_name=raw)), 0.05)
    ask(struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0) + bytes([len(raw[:60])]) + raw[:60] + b"\3com\0" + struct.pack("!HH", 1, 1), wait=0.05)
time.sleep(1.2)
stopped("run.sh looks at the log")
