# SPDX-License-Identifier: Apache-2.0
"""What the attempts share. They run inside a sandbox, or beside it where they have to work.

An attempt ends in escaped(), stopped() or untried(), as it sees it. Everything that comes from
the network goes to standard error too, where run.sh looks for what must not be there.
"""
import base64
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

API, API6 = "93.184.216.34", "2606:2800::34"
EVIL, EVIL6 = "93.184.216.35", "2606:2800::35"
PATHS, KEY, BADCERT, FLIP, RAW = ("93.184.216.%d" % n for n in (36, 37, 38, 40, 41))
GATE, GUEST, HOST = "100.127.255.249", "100.127.255.250", "100.127.255.251"
GATE6, GUEST6, HOST6 = "fd62:7269:6700::1", "fd62:7269:6700::2", "fd62:7269:6700::3"
BARE = "BARE" in os.environ  # beside the sandbox, for a look at whether it works at all
SENTINEL = os.environ.get("NET_KEY", "")


def escaped(what):
    print("escaped: " + str(what))
    sys.exit(0)


def stopped(what):
    print("stopped: " + str(what))
    sys.exit(1)


def untried(what):
    print("untried: " + str(what))
    sys.exit(77)


def hear(data):
    sys.stderr.buffer.write(data + b"\n")
    sys.stderr.flush()
    return data


# ---- connections

def tcp(addr, port, wait=3.0, source=None):
    """A connection, or None."""
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(min(wait, 0.1) if BARE else wait)
    try:
        if source:
            s.bind((source, 0))
        s.connect((addr, port))
    except OSError as e:
        hear(f"{addr} {port}: {e}".encode())
        s.close()
        return None
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read(s, wait=0.4, until=None):
    """What comes until it ends, or is silent for so long."""
    out = b""
    s.settimeout(min(wait, 0.1) if BARE else wait)
    try:
        while data := s.recv(65536):
            out += data
            if until and until in out:
                break
            s.settimeout(min(wait, 0.05))  # the rest comes at once, or is not waited for
    except (OSError, ValueError) as e:
        hear(repr(e).encode())
    return hear(out)


def say(s, data):
    try:
        s.sendall(data)
        return True
    except OSError as e:
        hear(repr(e).encode())
        return False


def talk(addr, port, data, wait=0.4, pieces=None, pause=0.01):
    """Send it (in pieces of so many bytes), and what comes back."""
    s = tcp(addr, port)
    if not s:
        return b""
    for at in range(0, len(data), pieces or len(data) or 1):
        if not say(s, data[at:at + (pieces or len(data))]):
            break
        if pieces:
            time.sleep(pause)
    out = read(s, wait)
    s.close()
    return out


def tls(addr, port=443, name=None, alpn=None, wait=3.0, sock=None):
    """TLS that believes everybody, or None."""
    s = sock or tcp(addr, port, wait)
    if not s:
        return None
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if alpn:
        c.set_alpn_protocols(alpn)
    try:
        return c.wrap_socket(s, server_hostname=name)
    except (OSError, ValueError) as e:
        hear(f"tls {addr} {name}: {e}".encode())
        s.close()
        return None


def request(host, path="/", method="GET", headers=(), body=b""):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def over_tls(addr, name, data, wait=0.6):
    s = tls(addr, 443, name)
    if not s or not say(s, data):
        return b""
    out = read(s, wait)
    s.close()
    return out


def proxied(data, wait=0.6):
    """To the gate's proxy port."""
    if BARE:
        untried("there is no proxy")
    return talk(GATE, 3128, data, wait)


def tunnel(target, extra=""):
    """CONNECT; the connection, or None."""
    if BARE:
        untried("there is no proxy")
    s = tcp(GATE, 3128)
    if not s or not say(s, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{extra}\r\n".encode("latin-1")):
        return None
    out = read(s, 0.5, b"\r\n\r\n")
    return s if out.startswith(b"HTTP/1.1 200") else None


def answered(out):
    """Is this a server's answer, and not the gate's own?"""
    return b"HTTP/1.1 200" in out or b"canary" in out or b"SSH-2.0" in out


def any_answer(what, outs):
    for name, out in outs:
        if answered(out):
            escaped(f"{what}: {name} answered")
    stopped(f"{what}: nobody answered")


# ---- names

def qname(name):
    return b"".join(bytes([len(part)]) + part for part in
                    (p.encode("latin-1") for p in name.split(".") if p)) + b"\0"


def question(name, kind=1, klass=1, ident=0x1234, extra=b"", counts=(1, 0, 0, 0), flags=0x0100):
    return struct.pack("!HHHHHH", ident, flags, *counts) + qname(name) + \
        struct.pack("!HH", kind, klass) + extra


def name_server():
    if "NAME_SERVER" in os.environ:
        return os.environ["NAME_SERVER"]
    with open("/etc/resolv.conf") as f:
        return next(line.split()[1] for line in f if line.startswith("nameserver"))


def ask(data, server=None, port=53, wait=0.4):
    """Over UDP; the answer or nothing."""
    server = server or name_server()
    s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(min(wait, 0.05) if BARE else wait)
    try:
        s.sendto(data, (server, port))
        return hear(s.recv(65536))
    except OSError as e:
        hear(f"ask {server}: {e}".encode())
        return b""


def addresses(answer):
    """The addresses in an answer, and its code."""
    if len(answer) < 12:
        return [], -1
    qd, an = struct.unpack("!HH", answer[4:8])
    at, out = 12, []
    try:
        for i in range(qd + an):
            while answer[at] & 0xc0 != 0xc0 and answer[at]:
                at += 1 + answer[at]
            at += 2 if answer[at] & 0xc0 == 0xc0 else 1
            if i < qd:
                at += 4
                continue
            kind, _, _, n = struct.unpack("!HHIH", answer[at:at + 10])
            data = answer[at + 10:at + 10 + n]
            if kind in (1, 28):
                out.append(socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, data))
            at += 10 + n
    except (IndexError, struct.error):
        pass
    return out, answer[3] & 15


def look_up(name, kind=1):
    return addresses(ask(question(name, kind), wait=2))[0]


# ---- TLS by hand

def hello(name=None, names=None, raw_name=None, ech=False, twice=False, extra=b"", version=0x0303):
    """A ClientHello as a handshake message; 'names' are entries of one list."""
    entries = b"".join(b"\0" + struct.pack("!H", len(n)) + n for n in
                       ([raw_name] if raw_name is not None else
                        [n.encode("latin-1") for n in (names or ([name] if name else []))]))
    ext = b""
    if entries:
        sni = struct.pack("!HHH", 0, len(entries) + 2, len(entries)) + entries
        ext += sni
        if twice:
            other = b"\0" + struct.pack("!H", 16) + b"evil.example.com"
            ext += struct.pack("!HHH", 0, len(other) + 2, len(other)) + other
    ext += struct.pack("!HHHHH", 10, 6, 4, 29, 23) + struct.pack("!HHHHH", 13, 6, 4, 0x0403, 0x0804)
    ext += struct.pack("!HHBHH", 43, 5, 4, 0x0304, 0x0303)
    key = os.urandom(32)
    ext += struct.pack("!HHHHH", 51, 38, 36, 29, 32) + key
    if ech:
        inner = b"\0" + struct.pack("!HHB", 1, 1, 7) + struct.pack("!H", 32) + key + \
            struct.pack("!H", 128) + os.urandom(128)
        ext += struct.pack("!HH", 0xfe0d, len(inner)) + inner
    ext += extra
    body = struct.pack("!H", version) + os.urandom(32) + b"\x20" + os.urandom(32) + \
        struct.pack("!HHHHH", 8, 0x1301, 0x1302, 0xc02b, 0xc02f) + b"\1\0" + struct.pack("!H", len(ext)) + ext
    return b"\1" + struct.pack("!I", len(body))[1:] + body


def records(handshake, size=16384, version=0x0301):
    return b"".join(struct.pack("!BHH", 22, version, len(handshake[i:i + size])) + handshake[i:i + size]
                    for i in range(0, len(handshake), size))


def server_hello(out):
    """Did somebody go on with the handshake?"""
    return out[:1] == b"\x16"


# ---- HTTP/2 by hand (RFC 9113; literals without Huffman, RFC 7541 section 6.2.2)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def hpack(fields):
    def text(v):
        v = v.encode("latin-1")
        if len(v) < 127:
            return bytes([len(v)]) + v
        out, n = b"\x7f", len(v) - 127
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n]) + v
    return b"".join(b"\0" + text(k) + text(v) for k, v in fields)


def h2_fields(host, path="/", method="GET", more=()):
    return [(":method", method), (":scheme", "https"), (":path", path), (":authority", host), *more]


def h2_open(addr, name):
    s = tls(addr, 443, name, ["h2"])
    if not s:
        return None
    if s.selected_alpn_protocol() != "h2":
        if not BARE:
            stopped("HTTP/2 is not spoken")
        untried("the server speaks no HTTP/2")
    s.sendall(PREFACE + frame(4))
    return s


def h2_statuses(out):
    """stream -> first byte of its header block; 0x88 is ':status: 200' (RFC 7541 appendix A)."""
    at, got = 0, {}
    while at + 9 <= len(out):
        n = int.from_bytes(out[at:at + 3], "big")
        kind, flags, stream = struct.unpack("!BBI", out[at + 3:at + 9])
        block = out[at + 9:at + 9 + n]
        if kind == 1 and stream not in got:
            while block and block[0] & 0xe0 == 0x20:  # a new size of the table
                more = block[0] & 31 == 31
                block = block[1:]
                while more and block and block[0] & 128:
                    block = block[1:]
                block = block[1:] if more else block
            got[stream] = block[0] if block else 0
        at += 9 + n
    return got


def h2_ok(out):
    return 0x88 in h2_statuses(out).values()


# ---- as root

def run(*cmd):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10)
    hear(" ".join(cmd).encode() + b": " + p.stdout)
    return p.returncode == 0


def packets(what, *args):
    """A raw socket, or the end: the wall keeps them."""
    try:
        return socket.socket(*args)
    except OSError as e:
        stopped(f"{what}: {e}")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    n = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def ipv4(dst, proto, payload, src=None, options=b"", flags=0, ttl=64, ident=77):
    src = src or (GUEST if not BARE else "11.0.0.2")
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), ident, flags, ttl, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp_segment(src, dst, sport, dport, flags=2, seq=1, ack=0, payload=b""):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 64240, 0, 0)
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, 6, len(head) + len(payload))
    return head[:16] + struct.pack("!H", checksum(pseudo + head + payload)) + head[18:] + payload


def udp_datagram(sport, dport, payload):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def basic(text):
    return "Authorization: Basic " + base64.b64encode(text.encode()).decode()


# ---- before anything is tried, what is allowed has to work

def alive(tries=1):
    for _ in range(tries):
        addr = look_up("api.example.com")
        if addr and answered(talk(addr[0], 80, request("api.example.com", "/alive", headers=["Connection: close"]), 3)):
            return True
        time.sleep(0.2)
    return False


if not BARE and "FRESH" not in os.environ and not alive(3):
    print("broken: what is allowed doesn't work")
    sys.exit(3)
