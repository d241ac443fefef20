# SPDX-License-Identifier: Apache-2.0
# Trick: the granted host is asked to repeat the secret: in many headers, in parts,
#	compressed, in ranges
# Gain: the answer tells it
from trick import *

from urllib.parse import quote

look_up("key.example.com")
for heads in ([f"x-{n}: {SENTINEL}" for n in range(60)], [basic("me:" + SENTINEL)], [basic(SENTINEL + ":x")], [f"x: a{SENTINEL}b{SENTINEL}c"], [f"x-api-key: {SENTINEL}", "Accept-Encoding: gzip, br"],
              [f"x-api-key: {SENTINEL}", "Range: bytes=0-50"], [f"x-api-key: {SENTINEL}", "Accept-Encoding: identity;q=0"], [f"Cookie: a={SENTINEL}; b={quote(SENTINEL)}"]):
    over_tls(KEY, "key.example.com", request("key.example.com", "/echo", headers=heads), 0.2)
over_tls(KEY, "key.example.com", request("key.example.com", "/echo?k=" + SENTINEL + "&j=" + quote(SENTINEL, safe="")), 0.2)
s = h2_open(KEY, "key.example.com") if not BARE else None
if s and say(s, frame(1, 5, 1, hpack(h2_fields("key.example.com", "/echo", more=[("x-api-key", SENTINEL)])))):
    read(s, 0.3)
stopped("run.sh looks at what came back")
