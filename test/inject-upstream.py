#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Upstream servers for inject-test.c, on loopback, until standard input ends.

Prints one line: a JSON object with the ports and the CA's file. HTTP/1.1 is spoken here
(with and without TLS), HTTP/2 by nginx in front of it; a CONNECT proxy stands by.
"""
import asyncio
import base64
import gzip
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
connections = 0
proxied = []


def run(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certs(d):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-keyout", d + "/ca.key", "-out", d + "/ca.pem", "-days", "2",
        "-subj", "/CN=test CA")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", d + "/key.pem", "-out", d + "/csr.pem", "-subj", "/CN=api.example.test")
    with open(d + "/ext", "w") as f:
        f.write("subjectAltName=DNS:api.example.test,DNS:ws.example.test\n")
    run("openssl", "x509", "-req", "-in", d + "/csr.pem", "-CA", d + "/ca.pem", "-CAkey",
        d + "/ca.key", "-CAcreateserial", "-days", "2", "-extfile", d + "/ext", "-out",
        d + "/cert.pem")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-keyout", d + "/bad.key", "-out", d + "/bad.pem", "-days", "2",
        "-subj", "/CN=api.example.test", "-addext", "subjectAltName=DNS:api.example.test")


async def read_head(r):
    head = await r.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [tuple(x.split(": ", 1)) if ": " in x else (x.rstrip(":"), "")
               for x in lines[1:] if x]
    return lines[0], headers, {k.lower(): v for k, v in headers}


async def read_body(r, h):
    digest, n, trailers = hashlib.sha256(), 0, ""
    if h.get("transfer-encoding") == "chunked":
        while True:
            size = int((await r.readline()).split(b";")[0], 16)
            if size == 0:
                while (line := (await r.readline()).strip()):
                    trailers += line.decode()
                break
            digest.update(await r.readexactly(size))
            n += size
            await r.readexactly(2)
    else:
        left = int(h.get("content-length", 0))
        while left:
            piece = await r.read(min(left, 1 << 18))
            if not piece:
                raise EOFError
            digest.update(piece)
            n += len(piece)
            left -= len(piece)
    return n, digest.hexdigest(), trailers


def reply(w, body, status="200 OK", extra=""):
    w.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)


async def chunks(w, pieces, delay, extra="", trailer=""):
    w.write(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{extra}\r\n".encode())
    for piece in pieces:
        w.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await w.drain()
        await asyncio.sleep(delay)
    w.write(f"0\r\n{trailer}\r\n".encode())


async def websocket(r, w, h):
    key = base64.b64encode(hashlib.sha1((h["sec-websocket-key"] + GUID).encode()).digest())
    w.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + key + b"\r\nX-Key: " +
            h.get("authorization", "none").encode() + b"\r\n\r\nhello")
    while (piece := await r.read(65536)):
        w.write(piece)
        await w.drain()


async def answer(r, w, line, headers, h, number):
    path = line.split(" ")[1].split("?")[0]
    key = h.get("x-api-key", "none").encode()
    if path == "/ws":
        await websocket(r, w, h)
        return False
    if path == "/nows":
        reply(w, b"not here", "403 Forbidden")
    elif path == "/early":
        reply(w, b"too large", "413 Too Large", "Connection: close\r\n")
        return False
    elif path == "/once" and number % 2:
        await read_body(r, h)
        reply(w, b"once")
        await w.drain()
        await asyncio.sleep(0.2)
        return False
    else:
        n, digest, trailers = await read_body(r, h)
        if path == "/echo":
            text = line + "\n" + "".join(f"{k}: {v}\n" for k, v in headers)
            reply(w, (text + f"body {n} {trailers}").encode(), "200 OK",
                  "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: keep-alive, X-Hop\r\n"
                  "X-Hop: 1\r\nX-Key: " + key.decode() + "\r\n")
        elif path == "/count":
            reply(w, str(number).encode())
        elif path == "/upload":
            reply(w, f"{n} {digest}".encode())
        elif path.startswith("/bytes/"):
            left, block = int(path[7:]), b"x" * (1 << 18)
            w.write(f"HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n".encode())
            while left:
                w.write(block[:min(left, len(block))])
                left -= min(left, len(block))
                await w.drain()
        elif path == "/sse":
            await chunks(w, [b"data: %d\n\n" % i for i in range(5)], 0.1,
                         "Content-Type: text/event-stream\r\n")
        elif path == "/trailers":
            await chunks(w, [b"abc"], 0, "Trailer: X-Sum\r\n", "X-Sum: 6\r\nX-Key: " +
                         key.decode() + "\r\n")
        elif path == "/hints":
            w.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            await w.drain()
            reply(w, b"done")
        elif path == "/split":
            await chunks(w, [b"a" + key[:3], key[3:7], key[7:] + b"z" + key[:4]], 0.02)
        elif path == "/gzip":
            reply(w, gzip.compress(key), "200 OK", "Content-Encoding: gzip\r\n")
        elif path == "/cut":
            w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")
            return False
        elif path == "/lengths":
            w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")
            return False
        elif path == "/head":
            w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
        elif path == "/none":
            w.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif path == "/proxied":
            reply(w, json.dumps(proxied).encode())
        else:
            reply(w, b"ok")
    await w.drain()
    return h.get("connection") != "close"


async def serve(r, w):
    global connections
    connections += 1
    number = connections
    try:
        while True:
            line, headers, h = await read_head(r)
            if not await answer(r, w, line, headers, h, number):
                break
        await w.drain()
    except (EOFError, OSError, ValueError, asyncio.IncompleteReadError):
        pass
    w.close()


async def pump(r, w):
    try:
        while (piece := await r.read(65536)):
            w.write(piece)
            await w.drain()
        w.write_eof()
    except OSError:
        pass


async def proxy(r, w):
    """CONNECT to any name leads to the port on loopback; else, fetch the absolute form."""
    try:
        line, headers, h = await read_head(r)
        proxied.append(line)
        method, target, _ = line.split(" ")
        if method == "CONNECT":
            up = await asyncio.open_connection("127.0.0.1", int(target.rsplit(":", 1)[1]))
            w.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(pump(r, up[1]), pump(up[0], w))
        else:
            reply(w, target.encode(), "200 OK", "Connection: close\r\n")
            await w.drain()
    except (EOFError, OSError, asyncio.IncompleteReadError):
        pass
    w.close()


def start_nginx(d, port, back):
    with open(d + "/nginx.conf", "w") as f:
        f.write(f"""
daemon off; worker_processes 1; pid {d}/pid; error_log {d}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_max_body_size 0; client_body_temp_path {d}/body;
    proxy_temp_path {d}/proxy; fastcgi_temp_path {d}/f; uwsgi_temp_path {d}/u;
    scgi_temp_path {d}/s; keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {d}/cert.pem; ssl_certificate_key {d}/key.pem;
        location = /small {{ return 200 "small"; }}
        location = /count {{ return 200 "$connection"; }}
        location = /key {{ add_header x-key $http_x_api_key;
                           return 200 "$server_protocol $http_x_api_key"; }}
        location = /file {{ root {d}; }}
        location / {{ proxy_pass http://127.0.0.1:{back}; proxy_http_version 1.1;
                      proxy_request_buffering off; proxy_buffering off; }}
    }}
}}
""")
    with open(d + "/file", "wb") as f:
        f.truncate(64 << 20)
    return subprocess.Popen(["nginx", "-c", d + "/nginx.conf", "-p", d, "-e", d + "/error.log"],
                            stdin=subprocess.DEVNULL)


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


async def wait_for(port):
    for _ in range(200):
        try:
            _, w = await asyncio.open_connection("127.0.0.1", port)
            w.close()
            return
        except OSError:
            await asyncio.sleep(0.02)
    sys.exit("no server came up")


async def main(d):
    os.chmod(d, 0o755)  # nginx' worker, when root starts it, is another user
    make_certs(d)
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    good.load_cert_chain(d + "/cert.pem", d + "/key.pem")
    good.set_alpn_protocols(["http/1.1"])
    bad = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    bad.load_cert_chain(d + "/bad.pem", d + "/bad.key")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(d + "/cert.pem", d + "/key.pem")
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    ports = {"ca": d + "/ca.pem", "h2": free_port(), "dead": free_port()}
    for name, handler, ctx in (("h1", serve, good), ("clear", serve, None),
                               ("bad", serve, bad), ("old", serve, old),
                               ("proxy", proxy, None)):
        s = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=ctx, limit=1 << 20)
        ports[name] = s.sockets[0].getsockname()[1]
    nginx = start_nginx(d, ports["h2"], ports["clear"])
    try:
        await wait_for(ports["h2"])
        print(json.dumps(ports), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    finally:
        nginx.terminate()
        nginx.wait()


if __name__ == "__main__":
    where = tempfile.mkdtemp(prefix="inject-upstream.")
    try:
        asyncio.run(main(where))
    finally:
        shutil.rmtree(where, ignore_errors=True)
        os._exit(0)
