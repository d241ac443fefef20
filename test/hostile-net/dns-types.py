# SPDX-License-Identifier: Apache-2.0
# Trick: questions of other types for an allowed name: TXT, NULL, HTTPS, ANY, SRV, CNAME,
#	AXFR, of other classes
# Gain: what is asked and answered carries data, and ECH keys
from trick import *

for kind in (16, 10, 65, 64, 255, 33, 5, 2, 6, 15, 252, 249, 41, 12, 65280):
    out = ask(question("api.example.com", kind), wait=0.2)
    if len(out) > 12 and struct.unpack("!H", out[6:8])[0]:
        escaped(f"type {kind} was answered")
for klass in (3, 4, 255, 254, 2):
    if addresses(ask(question("api.example.com", 1, klass), wait=0.2))[0]:
        escaped(f"class {klass} was answered")
stopped("no answer but addresses")
