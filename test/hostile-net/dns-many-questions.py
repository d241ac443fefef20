# SPDX-License-Identifier: Apache-2.0
# Trick: messages with several questions, wrong counts, answers in the question
# Gain: one is judged, another one asked
from trick import *

def wire(name):
    return qname(name) + struct.pack("!HH", 1, 1)


two = struct.pack("!HHHHHH", 1, 0x100, 2, 0, 0, 0)
for data in (two + wire("evil.example.com") + wire("api.example.com"), two + wire("api.example.com") + wire("evil.example.com"),
             struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0) + wire("api.example.com") + wire("evil.example.com"),
             struct.pack("!HHHHHH", 1, 0x100, 0, 0, 0, 0) + wire("evil.example.com"),
             struct.pack("!HHHHHH", 1, 0x100, 1, 1, 0, 0) + wire("api.example.com") + qname("evil.example.com") +
             struct.pack("!HHIH", 1, 1, 600, 4) + socket.inet_aton(EVIL),
             struct.pack("!HHHHHH", 1, 0x8180, 1, 1, 0, 0) + wire("evil.example.com") + b"\xc0\x0c" +
             struct.pack("!HHIH", 1, 1, 600, 4) + socket.inet_aton(EVIL),
             struct.pack("!HHHHHH", 1, 0x100, 65535, 65535, 65535, 65535) + wire("evil.example.com"),
             struct.pack("!HHHHHH", 1, 0x2800, 1, 0, 0, 0) + wire("evil.example.com")):
    if EVIL in addresses(ask(data, wait=0.2))[0]:
        escaped("a denied name was answered")
if answered(talk(EVIL, 80, request("evil.example.com"), 0.2)):
    escaped("and pinned")
stopped("one question, or none")
