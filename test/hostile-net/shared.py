# SPDX-License-Identifier: Apache-2.0
"""shared.py HOST PORT GOOD: HOST, asked for in many ways at the address of api.example.com.

For shared-address.bash, which looks at what the server noted. First what has to work does:
GOOD is a host that may be asked for there.
"""
from trick import *

host, port, good = sys.argv[1], int(sys.argv[2]), sys.argv[3]
at = host if port == 80 else f"{host}:{port}"
look_up("api.example.com")
for name, data, want in (("the good host", request(good if port == 80 else f"{good}:{port}", "/good"), b" 200 "),
                         ("another protocol", b"EHLO somebody\r\n", b"0.9")):
    if want not in talk(API, port, data, 2):
        print(f"broken: {name} on port {port} doesn't work")
        sys.exit(3)
plain = request(at, "/denied")
for data in (plain, b"\r\n" + plain, b"\r\n\n\r\n" + plain, b"  " + plain, plain.replace(b"GET", b"get"),
             plain.replace(b"GET", b"Get"), plain.replace(b"GET", b"X-ODD!"), plain.replace(b"GET ", b"GET\t"),
             plain.replace(b"GET ", b"GET\v"), plain.replace(b"GET ", b"GET\f"), plain.replace(b"GET ", b"GET\r"),
             plain.replace(b"GET ", b"FETCH\t"), plain.replace(b" HTTP", b"\tHTTP"), plain.replace(b"GET /", b"FETCH  /"),
             plain.replace(b"HTTP/1.1", b"HTTP/1.0"), plain.replace(b"GET", b"FETCH").replace(b"HTTP/", b"http/"),
             plain.replace(b"/denied", b"/" + b"d" * 9000), plain.replace(b"GET", b"M" * 300),
             plain.replace(b"GET /denied", b"GET http://%s/denied" % at.encode()),
             plain.replace(b"\r\n", b"\n"), b"\n" + plain.replace(b"GET", b"FETCH").replace(b"\r\n", b"\n"),
             request(good if port == 80 else f"{good}:{port}", "/good") + plain,
             PREFACE + frame(4) + frame(1, 5, 1, hpack([(":method", "GET"), (":scheme", "http"), (":path", "/denied"),
                                                        (":authority", at)]))):
    talk(API, port, data, 0.15)
    talk(API, port, data[:400], 0.15, pieces=7, pause=0.002)
stopped("all were sent")
