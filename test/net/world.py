#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The world that a sandbox's network leads to in tests: name server and web servers.

    world.py DIR

DIR/zone.json maps names to lists of addresses, or to a list of such lists, of which each
answer is the next. DIR/cert.pem and DIR/key.pem are for all of them, but for an address with a
DIR/cert-ADDRESS.pem (key and certificate) of its own. Requests are written to DIR/requests, one
JSON object a line; questions to DIR/questions; and, where there is a file DIR/connections, there
what each connection began with. Everything listens on all addresses: 53 (names), 80 and 443 (web), 22 (a server
that speaks first), 8080 (clear text), 8443 (TLS). Names that begin with "h2." are served by
HTTP/2 to who offers it. DIR/ready is made when they do.
"""
import base64
import hashlib
import http.server
import json
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
import web2  # noqa: E402

D = sys.argv[1]
LOCK = threading.Lock()
TURNS = {}


def note(name, what):
    with LOCK, open(os.path.join(D, name), "a") as f:
        f.write(what + "\n")


# ---- names

def zone():
    with open(os.path.join(D, "zone.json")) as f:
        return json.load(f)


def answer(q):
    ident, flags, qd = struct.unpack("!HHH", q[:6])
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode("latin-1"))
        at += 1 + q[at]
    qtype = struct.unpack("!H", q[at + 1:at + 3])[0]
    question = q[12:at + 5]
    name = ".".join(labels).lower()
    note("questions", f"{name} {qtype}")
    z = zone()
    found = z.get(name)
    if found and isinstance(found[0], list):
        with LOCK:
            TURNS[name, qtype] = TURNS.get((name, qtype), -1) + 1
            found = found[TURNS[name, qtype] % len(found)]
    records = []
    for a in found or []:
        family = socket.AF_INET6 if ":" in a else socket.AF_INET
        if (qtype == 1) == (family == socket.AF_INET) and qtype in (1, 28):
            data = socket.inet_pton(family, a)
            records.append(b"\xc0\x0c" + struct.pack("!HHIH", qtype, 1, z.get("ttl", 30), len(data)) + data)
    code = 3 if found is None else 0
    head = struct.pack("!HHHHHH", ident, 0x8180 | code, 1, len(records), 0, 0)
    return head + question + b"".join(records)


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(answer(data), self.client_address)


class Tcp(socketserver.BaseRequestHandler):
    def handle(self):
        f = self.request.makefile("rb")
        while len(n := f.read(2)) == 2:
            a = answer(f.read(struct.unpack("!H", n)[0]))
            self.request.sendall(struct.pack("!H", len(a)) + a)


class Banner(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"SSH-2.0-world\r\n")
        data = self.request.recv(1000)
        self.request.sendall(b"got " + data)


# ---- web

class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def log_message(self, *a):
        pass

    def record(self, body):
        sock = self.connection
        note("requests", json.dumps({
            "method": self.command, "path": self.path, "to": sock.getsockname()[0],
            "port": sock.getsockname()[1], "tls": isinstance(sock, ssl.SSLSocket),
            "headers": [[k.lower(), v] for k, v in self.headers.items()],
            "length": len(body), "sha256": hashlib.sha256(body).hexdigest(),
            "body": body[:4096].decode("latin-1")}))

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            out = []
            while n := int(self.rfile.readline().split(b";")[0], 16):
                out.append(self.rfile.read(n))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(out)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def reply(self, body, kind="application/json", status=200, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for k, v in headers.items():
            self.send_header(k, v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(5):
            data = f"data: {i} {time.time():.3f}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
            time.sleep(0.3)
        self.wfile.write(b"0\r\n\r\n")

    def websocket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        while len(head := self.rfile.read(2)) == 2:
            n = head[1] & 127
            if n > 125 or head[0] & 15 == 8:
                break
            mask, data = self.rfile.read(4), self.rfile.read(n)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
            self.wfile.write(bytes([head[0], n]) + data)
            self.wfile.flush()
        self.close_connection = True

    def git(self, body):
        path, _, query = self.path.removeprefix("/auth").partition("?")
        env = {"GIT_PROJECT_ROOT": os.path.join(D, "git"), "GIT_HTTP_EXPORT_ALL": "1",
               "PATH": os.environ["PATH"], "PATH_INFO": path[4:], "QUERY_STRING": query,
               "REQUEST_METHOD": self.command, "REMOTE_USER": "someone", "REMOTE_ADDR": "::1",
               "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
               "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
               "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")}
        out = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(fields.pop("Status", "200").split()[0])
        kind = fields.pop("Content-Type", "text/plain")
        self.reply(rest, kind, status, **fields)

    def static(self, path):
        full = os.path.realpath(os.path.join(D, "www", path.lstrip("/")))
        if os.path.isdir(full):
            full = os.path.join(full, "index.html")
        if not full.startswith(os.path.realpath(os.path.join(D, "www"))) or not os.path.isfile(full):
            return self.reply(b"not there\n", "text/plain", 404)
        with open(full, "rb") as f:
            data = f.read()
        kind = "text/html" if full.endswith(".html") else \
            "application/json" if full.endswith(".json") else "application/octet-stream"
        return self.reply(data, kind)

    def serve(self):
        body = self.body()
        self.record(body)
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path.startswith("/auth/") and not self.headers.get("Authorization"):
            return self.reply(b"who are you?\n", "text/plain", 401, **{"WWW-Authenticate": 'Basic realm="world"'})
        if url.path.startswith(("/git/", "/auth/git/")):
            return self.git(body)
        if url.path == "/events":
            return self.events()
        if url.path == "/ws":
            return self.websocket()
        if url.path == "/big":
            return self.reply(b"x" * int(query["n"]), "application/octet-stream")
        if url.path == "/slow":
            time.sleep(float(query["s"]))
            return self.reply(b"late\n", "text/plain")
        if url.path.startswith("/files/"):
            return self.static(url.path[7:])
        return self.reply(json.dumps({
            "method": self.command, "path": self.path, "length": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "headers": {k.lower(): v for k, v in self.headers.items()}}).encode() + b"\n")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = serve


def context_for(sock, usual):
    addr = sock.getsockname()[0].removeprefix("::ffff:")
    own = os.path.join(D, f"cert-{addr}.pem")
    if not os.path.exists(own):
        return usual
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own)
    return tls


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256
    tls = None

    def connected(self, request):
        """Note where it was to go and what it says first, if it is the one to speak."""
        host, port = request.getsockname()[:2]
        first = b""
        if self.RequestHandlerClass is not Banner:
            request.settimeout(2)
            try:
                first = request.recv(4096, socket.MSG_PEEK)
            except OSError:
                pass
            request.settimeout(None)
        note("connections", json.dumps({"to": host, "port": port, "first": first.hex()}))

    def finish_request(self, request, client):
        try:
            if os.path.exists(os.path.join(D, "connections")):
                self.connected(request)
            if self.tls:
                request = context_for(request, self.tls).wrap_socket(request, server_side=True)
                if request.selected_alpn_protocol() == "h2":
                    return web2.serve(request, lambda r: note("requests", json.dumps(r)), lambda n: b"x" * n)
            super().finish_request(request, client)
        except (OSError, ValueError):
            pass

    def handle_error(self, request, client):
        pass


class UdpServer(socketserver.ThreadingUDPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


def context(*protocols):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(D, "cert.pem"), os.path.join(D, "key.pem"))
    tls.set_alpn_protocols(protocols)
    return tls


def main():
    tls, both = context("http/1.1"), context("h2", "http/1.1")

    def choose(sock, name, _):
        if web2.h2 and name and name.startswith("h2."):
            sock.context = both
    tls.sni_callback = choose
    servers = [UdpServer(("::", 53), Udp), Server(("::", 53), Tcp), Server(("::", 22), Banner)]
    for port, secure in ((80, False), (8080, False), (443, True), (8443, True)):
        if str(port) in os.environ.get("WORLD_LEAVE", "").split():
            continue  # for a server of the test's own
        s = Server(("::", port), Web)
        s.tls = tls if secure else None
        servers.append(s)
    for s in servers:
        threading.Thread(target=s.serve_forever, daemon=True).start()
    open(os.path.join(D, "ready"), "w").close()
    threading.Event().wait()


main()
