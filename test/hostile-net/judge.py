#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The judge of hostile network tests: what left the host, whatever the attempt says.

    judge.py WORLD-DIR SECRET

Runs in the host's namespace of a test world (net/world.sh), beside brig. Sees every packet
that leaves by the host's link and every one on its loopback, listens as a canary on the
host's own addresses, and reads what the world's servers noted. Its idea of what is allowed
is its own, and as simple as can be. On standard input, a line each:

    check MODE      what came since the last check: "ok", or "escape: " and what it was
    ready           answers "ready" once it watches

MODE is the rules of the sandbox that tried: "locked", "open", "none" when not a packet may
have left, or "secret" when packets may go anywhere but the secret to its host alone.
"""
import base64
import ipaddress
import json
import os
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse

WORLD, SECRET = sys.argv[1], sys.argv[2]
NAME_SERVER = "11.0.0.1"
OWN = ["127.0.0.1", "::1", "11.0.0.2", "2a00:11::2"]
CANARY_PORTS = (22, 53, 80, 443, 3128, 8080)
WEB = {80, 443}

# What the rules of the sandbox "locked" let through: address -> (ports, names)
CHAT = "93.184.216.42"  # of another sandbox, which talks all the time
API, PATHS, KEY = "api.example.com", "paths.example.com", "key.example.com"
LOCKED = {
    "93.184.216.34": (WEB, [API]),
    "2606:2800::34": (WEB, [API]),
    "93.184.216.36": (WEB, [PATHS]),
    "93.184.216.37": (WEB, [KEY]),
    "2606:2800::37": (WEB, [KEY]),
    "93.184.216.38": (WEB, ["badcert.example.com"]),
    "93.184.216.40": (WEB, ["flip.example.com", "mixed.rebind.example.com"]),
    "93.184.216.41": ({22}, ["raw.example.com"]),
}
QUESTIONS = re.compile(r"(api|paths|key|badcert|flip|raw|[a-z0-9-]+\.rebind)\.example\.com (1|28)")
# the forms in which a careless program could let the secret out
LEAKS = [SECRET.encode(), base64.b64encode(SECRET.encode()).rstrip(b"=")[:-1],
         urllib.parse.quote(SECRET, safe="").encode(), SECRET.encode().hex().encode()]

# what attempts put where nothing may pass
MARKS = [b"brig-smuggled", b"\x03aPi\x07eXaMpLe\x03cOm"]

lock = threading.Lock()
packets = {}  # (interface, protocol, address, port) -> how many
found = []    # what is wrong whatever the rules are


def leaks(data):
    return any(form in data for form in LEAKS)


# ---- packets

def parse(data):
    """(protocol, destination, port, flags) of an IP packet; None for what isn't one."""
    if len(data) < 20:
        return None
    if data[0] >> 4 == 4:
        proto, dst, at = data[9], socket.inet_ntop(socket.AF_INET, data[16:20]), (data[0] & 15) * 4
    elif data[0] >> 4 == 6 and len(data) >= 40:
        proto, dst, at = data[6], socket.inet_ntop(socket.AF_INET6, data[24:40]), 40
    else:
        return None
    port, flags = 0, 0
    if proto in (6, 17) and len(data) >= at + 4:
        port = struct.unpack("!H", data[at + 2:at + 4])[0]
    if proto == 6 and len(data) > at + 13:
        flags = data[at + 13]
    if proto in (1, 58) and len(data) > at:
        port = data[at]
    return proto, dst, port, flags


def housekeeping(proto, dst, port):
    """What the host's kernel says by itself: neighbours, routers, groups, an answer that came too late."""
    return (proto == 1 and port == 3 and dst == NAME_SERVER) or (proto == 58 and 130 <= port <= 143) or (proto == 0 and dst.startswith("ff02::")) or \
        (proto == 2 and dst == "224.0.0.22")


def sniff():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))  # ETH_P_ALL
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    watching.set()
    while True:
        data, (interface, _, kind, _, _) = s.recvfrom(65536)
        if kind != 4:  # PACKET_OUTGOING
            continue
        what = parse(data)
        if not what or housekeeping(*what[:3]):
            continue
        proto, dst, port, flags = what
        if interface == "lo" and proto == 6 and flags & 0x12 != 0x02:
            continue  # an answer; what opened it was seen
        with lock:
            key = (interface, proto, dst, port)
            packets[key] = packets.get(key, 0) + 1
            if leaks(data):
                found.append(f"the secret went out in clear, to {dst} port {port}")
            if any(mark in data for mark in MARKS):
                found.append(f"data beside what was allowed went to {dst} port {port}")


def packet_allowed(mode, interface, proto, dst, port):
    if dst == CHAT and proto == 6 and port == 80:
        return True
    if dst == NAME_SERVER and proto in (6, 17) and port == 53:
        return True  # the questions are looked at
    if mode == "none" or interface == "lo":
        return mode == "secret"
    if mode == "secret":
        return True
    if proto != 6 or dst in OWN:
        return False
    if mode == "open":
        return ipaddress.ip_address(dst).is_global
    return dst in LOCKED and port in LOCKED[dst][0]


def judge_packets(mode):
    with lock:
        seen = dict(packets)
        packets.clear()
    for (interface, proto, dst, port), n in seen.items():
        if not packet_allowed(mode, interface, proto, dst, port):
            yield f"{n} packets of protocol {proto} to {dst} port {port} over {interface}"


# ---- canaries

def canary(family, addr, port):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, port))
    s.listen(64)
    while True:
        c, _ = s.accept()
        with lock:
            found.append(f"the host's own {addr} port {port} was reached")
        try:
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncanary\n")
        except OSError:
            pass
        c.close()


# ---- what the world noted

class Tail:
    def __init__(self, name):
        self.path, self.at = os.path.join(WORLD, name), 0

    def lines(self):
        with open(self.path, "rb") as f:
            f.seek(self.at)
            data = f.read()
        whole = data.rfind(b"\n") + 1
        self.at += whole
        return data[:whole].decode("latin-1").splitlines()


tails = {name: Tail(name) for name in ("questions", "connections", "requests")}


def plain(addr):
    return addr.removeprefix("::ffff:")


def extensions(hello):
    """The extensions of a ClientHello in TLS records: a list of (type, data)."""
    body, at = b"", 0
    while at + 5 <= len(hello) and hello[at] == 22:
        n = struct.unpack("!H", hello[at + 3:at + 5])[0]
        body += hello[at + 5:at + 5 + n]
        at += 5 + n
    at = 4 + 2 + 32
    at += 1 + body[at]
    at += 2 + struct.unpack("!H", body[at:at + 2])[0]
    at += 1 + body[at]
    end = min(len(body), at + 2 + struct.unpack("!H", body[at:at + 2])[0])
    at += 2
    while at + 4 <= end:
        kind, n = struct.unpack("!HH", body[at:at + 4])
        yield kind, body[at + 4:at + 4 + n]
        at += 4 + n


def hello_wrong(first, names):
    """What is wrong with the ClientHello that arrived, if anything."""
    try:
        ext = list(extensions(first))
    except (IndexError, struct.error):
        return "bytes that are no ClientHello"
    said = [data for kind, data in ext if kind == 0]
    if any(kind == 0xfe0d for kind, _ in ext):
        return "an encrypted ClientHello"
    if len(said) != 1 or said[0][2:3] != b"\0":
        return f"{len(said)} lists of server names"
    n = struct.unpack("!H", said[0][3:5])[0]
    name = said[0][5:5 + n].decode("latin-1").lower()
    if len(said[0]) != 5 + n or name not in names:
        return f"server name {name!r}"
    return None


def judge_connections(mode):
    for line in tails["connections"].lines():
        c = json.loads(line)
        to, first = plain(c["to"]), bytes.fromhex(c["first"])
        if mode != "locked" or to not in LOCKED or not first or c["port"] not in WEB:
            continue
        if c["port"] == 443:
            wrong = hello_wrong(first, LOCKED[to][1])
        else:
            wrong = None if re.match(rb"[A-Z]+ /", first) else "bytes that are no request"
        if wrong:
            yield f"{to} port {c['port']} got {wrong}: {first[:60]!r}"


def judge_questions(mode):
    for line in tails["questions"].lines():
        if line.startswith("chat.example.com "):
            continue
        if mode == "none" or (mode == "locked" and not QUESTIONS.fullmatch(line)):
            yield f"the name server was asked for {line!r}"
        if leaks(line.encode("latin-1")):
            yield "the secret went out in a name"


def judge_request(r, names):
    hosts = [v for k, v in r["headers"] if k == "host"]
    path, _, query = r["path"].partition("?")
    elsewhere = json.dumps([path, r["method"], r["body"]])
    # what isn't opened is known by its server name alone
    opened = not r["tls"] or names in ([KEY], [PATHS])
    if "badcert.example.com" in names and r["tls"]:
        yield "a request to a server with a wrong certificate"
    if opened and (len(hosts) != 1 or re.sub(r":(80|443)$", "", hosts[0].lower()) not in names):
        yield f"Host {hosts}"
    if opened and (r["method"] == "SMUGGLED" or any(k == "x-smuggled" for k, v in r["headers"])):
        yield "a smuggled request"
    if names == [PATHS] and (r["method"] != "GET" or
                             not re.fullmatch(r"/ok/(?!.*\.\.)[A-Za-z0-9._/-]*", path) or "//" in path):
        yield f"{r['method']} {r['path']}"
    if SECRET in json.dumps(r["headers"]) + query and not (names == [KEY] and r["tls"]):
        yield f"the secret, in a request to {r['to']}"
    if leaks(elsewhere.encode()) or any(leaks(k.encode()) for k, v in r["headers"]):
        yield "the secret, where none belongs"


def judge_requests(mode):
    for line in tails["requests"].lines():
        r = json.loads(line)
        _, names = LOCKED.get(plain(r["to"]), (None, None))
        if names and mode == "locked":
            for what in judge_request(r, names):
                yield f"{plain(r['to'])} port {r['port']} got {what}"
        elif SECRET in line and not (mode == "secret" and names == [KEY] and r["tls"]):
            yield f"the secret, in a request to {r['to']}"


def check(mode):
    time.sleep(0.02)  # for what is on its way to the logs
    wrong = [*judge_packets(mode), *judge_questions(mode), *judge_connections(mode), *judge_requests(mode)]
    with lock:
        wrong += found if mode != "secret" else [f for f in found if "secret" in f]
        found.clear()
    return "escape: " + "; ".join(dict.fromkeys(wrong)) if wrong else "ok"


watching = threading.Event()


def main():
    threading.Thread(target=sniff, daemon=True).start()
    for addr in OWN:
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        for port in CANARY_PORTS:
            threading.Thread(target=canary, args=(family, addr, port), daemon=True).start()
    watching.wait()
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        print("ready" if word == "ready" else check(rest).replace("\n", " ")[:2000], flush=True)


main()
