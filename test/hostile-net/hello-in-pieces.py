# SPDX-License-Identifier: Apache-2.0
# Trick: a ClientHello for a denied host in many segments and many records, and in a few
#	that overlap with other types
# Gain: what is looked at is the first piece
from trick import *

outs = []
whole = hello("shared.example.com")
for data, pieces in ((records(whole), 40), (records(whole, 20), None), (records(whole, 20), 33), (records(whole, 1), None),
                     (records(whole[:60]) + b"\x14\3\1\0\1\1" + records(whole[60:]), None),
                     (records(whole[:60]) + b"\x16\3\1\0\0" + records(whole[60:]), None),
                     (records(whole[:100]) + records(hello("api.example.com")), 50)):
    out = talk(API, 443, data, 0.2, pieces, 0.003)
    if server_hello(out):
        escaped("the handshake goes on")
stopped("it is read whole")
