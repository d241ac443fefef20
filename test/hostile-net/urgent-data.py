# SPDX-License-Identifier: Apache-2.0
# Trick: a byte of urgent data in the middle of a ClientHello, or of a request: a look at what
#	is there without taking it ends at that mark, and reading skips the byte
# Gain: TLS that has to be opened, for a secret or a path, is passed on as something else
# Rules: open
from trick import *


def in_two(addr, port, data, at, wait=0.4):
    s = tcp(addr, port)
    if not s:
        return b""
    try:
        s.send(data[:at])
        s.send(b"U", socket.MSG_OOB)
        time.sleep(0.05)
        s.send(data[at:])
    except OSError as e:
        hear(str(e).encode())
        return b""
    out = read(s, wait)
    s.close()
    return out


look_up("key.example.com")
whole = records(hello("key.example.com"))
for at in (1, 5, 7, 40, len(whole) - 1):
    out = in_two(KEY, 443, whole, at)
    # a ServerHello to a hello with a hole in it can only be the server's own
    if out[:1] == b"\x16":
        escaped(f"the server itself answered a hello cut at {at}")
stopped("no server answered")
