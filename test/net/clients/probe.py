# SPDX-License-Identifier: Apache-2.0
"""probe.py NAME DENIED: until killed, ask both, and say what came: "up", "down", or "LEAK".

DENIED is an address that no rule allows; both of its ports are asked, and by the name.
"""
import socket
import ssl
import sys
import time

name, denied = sys.argv[1:]
plain = ssl.create_default_context()
blind = ssl.create_default_context()
blind.check_hostname = False
blind.verify_mode = ssl.CERT_NONE


def ask(to, port, host, context):
    try:
        with socket.create_connection((to, port), timeout=1) as c:
            if context:
                c = context.wrap_socket(c, server_hostname=host)
            c.sendall(f"GET /probe HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return c.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


while True:
    for to, port, host, context in ((denied, 443, "evil.example.com", blind), (denied, 443, name, blind),
                                    (denied, 80, name, None)):
        if ask(to, port, host, context):
            print("LEAK", flush=True)
    print("up" if ask(name, 443, name, plain) else "down", flush=True)
    time.sleep(0.02)
