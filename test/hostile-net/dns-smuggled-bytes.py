# SPDX-License-Identifier: Apache-2.0
# Trick: data beside an allowed question: EDNS options, bytes after its end, further
#	records, the letters' case
# Gain: the question goes out, and the data with it
from trick import *

def option(data):
    return b"\0" + struct.pack("!HHIH", 41, 4096, 0, len(data) + 4) + struct.pack("!HH", 65001, len(data)) + data


mark = b"brig-smuggled"
for data in (question("api.example.com", extra=option(mark * 5), counts=(1, 0, 0, 1)),
             question("api.example.com", extra=mark * 5),
             question("api.example.com", extra=b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 1, len(mark) + 1) +
                      bytes([len(mark)]) + mark, counts=(1, 0, 0, 1)),
             question("api.example.com", ident=0x6272),
             question("aPi.eXaMpLe.cOm")):
    for _ in range(2):
        ask(data, wait=0.3)
        time.sleep(0.01)
stopped("the gate asks in its own words")
