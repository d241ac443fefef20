# SPDX-License-Identifier: Apache-2.0
"""churn.py KIND COUNT HOST: so many connections, by eight at a time.

clear and tls: one request each; banner: hear the first line; abort: say something, and reset.
"""
import socket
import ssl
import struct
import sys
import threading

kind, count, host = sys.argv[1], int(sys.argv[2]), sys.argv[3]
port = {"clear": 80, "tls": 443, "banner": 22, "abort": 443}[kind]
addr = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4]
context = ssl.create_default_context()
lock = threading.Lock()
left, failed = count, []


def once():
    with socket.create_connection(addr, timeout=20) as c:
        if kind == "abort":
            c.sendall(b"\x16\x03\x01\x02\x00\x01")
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return True
        if kind == "banner":
            return c.recv(100).startswith(b"SSH-2.0")
        if kind == "tls":
            c = context.wrap_socket(c, server_hostname=host)
        c.sendall(f"GET /churn HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while part := c.recv(65536):
            data += part
        return data.startswith(b"HTTP/1.1 200")


def work():
    global left
    while True:
        with lock:
            if not left:
                return
            left -= 1
        try:
            if not once():
                failed.append("no answer")
        except OSError as e:
            failed.append(str(e))


threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(count - len(failed), "of", count, *sorted(set(failed)))
sys.exit(bool(failed))
