#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry's front with a will of its own: image-stub.py PORT UPSTREAM-PORT MODE...

token      wants a bearer token, which /token gives to user:secret or to anyone (token-anon)
cut=N      closes the connection of each of the first N replies of blobs half-way
norange    ignores Range
corrupt    changes one byte of each blob
truncate   says the full length of each blob and sends half, for ever
wrong      serves another manifest than the digest asked for
redirect=P sends blobs by way of http://localhost:P
leak       answers blobs itself when they come without Authorization, else 418
busy=N     answers the first N requests with 503
slow=N     N bytes a second for blobs
tls=FILE   speaks TLS with that certificate and key
evil=FILE  serves FILE as every manifest that is asked for by a tag
"""
import base64
import http.client
import http.server
import ssl
import sys
import threading
import time

PORT, UPSTREAM = int(sys.argv[1]), int(sys.argv[2])
MODES = dict(m.partition("=")[::2] for m in sys.argv[3:])
count = {k: int(MODES.get(k) or 0) for k in ("cut", "busy")}
lock = threading.Lock()


def take(kind):
    with lock:
        count[kind] -= 1
        return count[kind] >= 0


class Stub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        print(self.command, self.path, self.headers.get("Range", "-"),
              "auth" if self.headers.get("Authorization") else "anonymous", flush=True)

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def token(self):
        want = "Basic " + base64.b64encode(b"user:secret").decode()
        if "token-anon" in MODES or self.headers.get("Authorization") == want:
            return self.answer(200, b'{"token":"t0ken"}')
        return self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"bad login"}]}')

    def allowed(self):
        if "token" not in MODES and "token-anon" not in MODES:
            return True
        if self.headers.get("Authorization") == "Bearer t0ken":
            return True
        self.answer(401, WWW_Authenticate='Bearer realm="http://127.0.0.1:%d/token",'
                    'service="stub",scope="repository:x:pull"' % PORT)
        return False

    def do_GET(self):
        blob = "/blobs/" in self.path
        if self.path.startswith("/token"):
            return self.token()
        if take("busy"):
            return self.answer(503)
        if "leak" in MODES and blob and self.headers.get("Authorization"):
            return self.answer(418)
        if "leak" not in MODES and not self.allowed():
            return None
        if "redirect" in MODES and blob:
            return self.answer(307, Location="http://localhost:%s%s" % (MODES["redirect"], self.path))
        if "evil" in MODES and "/manifests/" in self.path and "sha256:" not in self.path:
            body = open(MODES["evil"], "rb").read()
            return self.answer(200, body, Content_Type="application/json")
        return self.forward(blob)

    def forward(self, blob):
        up = http.client.HTTPConnection("127.0.0.1", UPSTREAM)
        headers = {k: v for k, v in self.headers.items() if k in ("Accept", "Range")}
        if "norange" in MODES:
            headers.pop("Range", None)
        up.request("GET", self.path, headers=headers)
        r = up.getresponse()
        body = r.read()
        if "corrupt" in MODES and blob and body:
            body = body[:len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1:]
        if "wrong" in MODES and "/manifests/sha256:" in self.path:
            body = body.replace(b"{", b"{ ", 1)
        self.send_response(r.status)
        for k, v in r.getheaders():
            if k.lower() not in ("content-length", "connection", "date", "server",
                                 "docker-content-digest" if "wrong" in MODES else ""):
                self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = "truncate" in MODES or (len(body) > 4096 and take("cut"))
        if blob and half and len(body) > 4096:
            # a truncated one gets no further, however often one asks for the rest
            if "truncate" not in MODES or "Range" not in self.headers:
                self.wfile.write(body[:len(body) // 2])
            self.wfile.flush()
            self.connection.shutdown(2)
            self.close_connection = True
            return
        self.send(body, blob)

    def send(self, body, blob):
        rate = int(MODES.get("slow") or 0) if blob else 0
        if not rate:
            self.wfile.write(body)
            return
        for at in range(0, len(body), rate // 10):
            self.wfile.write(body[at:at + rate // 10])
            self.wfile.flush()
            time.sleep(0.1)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", PORT), Stub)
if "tls" in MODES:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(MODES["tls"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
