#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Probe: sockets over loopback: TCP, UDP, IPv6, abstract names, urgent data, options, errors
# Expect: container=yes sentry=yes
# Needs: python3
import errno
import os
import select
import socket
import threading


def echo(listener, count):
    for _ in range(count):
        s, _ = listener.accept()
        with s:
            while data := s.recv(65536):
                s.sendall(data)


def tcp(family, address):
    listener = socket.create_server((address, 0), family=family, backlog=64)
    thread = threading.Thread(target=echo, args=(listener, 20))
    thread.start()
    for i in range(20):
        with socket.create_connection(listener.getsockname()[:2], 10) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            text = os.urandom(50000)
            sender = threading.Thread(target=lambda: (s.sendall(text), s.shutdown(socket.SHUT_WR)))
            sender.start()
            got = b""
            while data := s.recv(65536):
                got += data
            sender.join()
            assert got == text
    thread.join(10)
    port = listener.getsockname()[1]
    listener.close()
    try:
        socket.create_connection((address, port), 5)
        raise SystemExit("a closed port answers")
    except ConnectionRefusedError:
        pass


def udp(family, address):
    a, b = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    a.bind((address, 0))
    b.bind((address, 0))
    for size in 0, 1, 1400, 30000:
        text = os.urandom(size)
        b.sendto(text, a.getsockname()[:2])
        got, sender = a.recvfrom(65536)
        assert got == text and sender[1] == b.getsockname()[1]
    a.setblocking(False)
    try:
        a.recv(1)
        raise SystemExit("a datagram from nowhere")
    except BlockingIOError:
        pass


tcp(socket.AF_INET, "127.0.0.1")
udp(socket.AF_INET, "127.0.0.1")
tcp(socket.AF_INET6, "::1")
udp(socket.AF_INET6, "::1")
both = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
socket.create_connection(("127.0.0.1", both.getsockname()[1]), 5).close()

name = f"\0brig-probe-{os.getpid()}"
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(name)
listener.listen()
thread = threading.Thread(target=echo, args=(listener, 1))
thread.start()
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
    s.connect(name)
    s.sendall(b"abstract")
    assert s.recv(100) == b"abstract"
thread.join(10)

# not blocking: connect, then writable; a full buffer says so; a reset is one
listener = socket.create_server(("127.0.0.1", 0))
s = socket.socket()
s.setblocking(False)
assert s.connect_ex(listener.getsockname()) in (0, errno.EINPROGRESS)
assert select.select([], [s], [], 5)[1] == [s]
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
far, _ = listener.accept()
try:
    while True:
        s.send(b"x" * 65536)
except BlockingIOError:
    pass
far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
far.close()
poll = select.poll()
poll.register(s, select.POLLIN)
assert poll.poll(5000)[0][1] & (select.POLLHUP | select.POLLERR)
try:
    s.recv(1)
    raise SystemExit("no reset")
except ConnectionResetError:
    pass
a, b = socket.socketpair()
b.close()
try:
    a.send(b"x")
    raise SystemExit("no broken pipe")
except BrokenPipeError:
    pass
assert socket.getaddrinfo("localhost", 80) and socket.if_nameindex()
