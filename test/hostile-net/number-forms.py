# SPDX-License-Identifier: Apache-2.0
# Trick: hosts as numbers in decimal, octal and hexadecimal, short forms, in Host and by
#	the proxy
# Gain: what compares text takes them for names
from trick import *

forms = ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "017700000001", "127.0.0.1.",
         "1572395043", "0x5db8d823", "0135.0270.0330.043", "93.184.55331", "[::ffff:127.0.0.1]", "[::1]",
         "0", "0.0.0.0", "127.0.0.1%2f", "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1"]
outs = []
for form in forms:
    outs.append((form, talk(API, 80, request(form), 0.1)))
    if not BARE:
        outs.append((form, proxied(f"GET http://{form}/ HTTP/1.1\r\nHost: {form}\r\n\r\n".encode("latin-1"), 0.1)))
        s = tunnel(form + ":80")
        if s and say(s, request("x")):
            outs.append((form, read(s, 0.1)))
any_answer("as a number", outs)
