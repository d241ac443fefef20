#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy in the world: CONNECT, and requests in absolute form.

    upstream-proxy.py DIR PORT [USER:PASSWORD]

Names are looked up in DIR/proxy-zone.json, which the name server doesn't know. Each request
is a line of DIR/proxied: method, target, and the credentials that came with it, or "-".
"""
import base64
import json
import os
import socket
import socketserver
import sys
import threading
import urllib.parse

D, PORT = sys.argv[1], int(sys.argv[2])
WANT = "Basic " + base64.b64encode(sys.argv[3].encode()).decode() if len(sys.argv) > 3 else None
LOCK = threading.Lock()


def copy(a, b):
    try:
        while data := a.recv(1 << 16):
            b.sendall(data)
    except OSError:
        pass
    try:
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Proxy(socketserver.StreamRequestHandler):
    rbufsize = 0

    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            c = self.rfile.read(1)
            if not c:
                return
            head += c
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = dict((k.lower(), v.strip()) for k, v in (x.split(":", 1) for x in lines[1:] if x))
        said = fields.get("proxy-authorization", "-")
        with LOCK, open(os.path.join(D, "proxied"), "a") as f:
            f.write(f"{method} {target} {said}\n")
        if WANT and said != WANT:
            self.wfile.write(b"HTTP/1.1 407 Who are you?\r\nProxy-Authenticate: Basic realm=world\r\n"
                             b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            return
        url = urllib.parse.urlsplit("//" + target if method == "CONNECT" else target)
        with open(os.path.join(D, "proxy-zone.json")) as f:
            where = json.load(f).get(url.hostname, url.hostname)
        try:
            up = socket.create_connection((where, url.port or 80), timeout=10)
        except OSError:
            self.wfile.write(b"HTTP/1.1 502 Not there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        up.settimeout(None)
        if method == "CONNECT":
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            path = url.path + ("?" + url.query if url.query else "") or "/"
            kept = [x for x in lines[1:] if x and not x.lower().startswith(("proxy-", "connection:"))]
            up.sendall("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode("latin-1"))
        threading.Thread(target=copy, args=(self.connection, up), daemon=True).start()
        copy(up, self.connection)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client):
        pass


Server(("::", PORT), Proxy).serve_forever()
