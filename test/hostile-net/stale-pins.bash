# SPDX-License-Identifier: Apache-2.0
# Trick: an address is used long after the answer that it came from has run out
# Gain: an address that belongs to somebody else by now
# Control: none, it holds its own: at first it works
# Once: yes
box stale "${LOCKED[@]}" || { echo "broken: $(cat "$T/box")"; exit 3; }
use='import sys; sys.path.insert(0, "/hostile")
from trick import *
sys.argv[1:] and look_up("api.example.com")
sys.exit(0 if answered(talk(API, 80, request("api.example.com"), 1)) and answered(over_tls(API, "api.example.com", request("api.example.com"))) else 1)'
stale() { inside stale env FRESH=1 PYTHONDONTWRITEBYTECODE=1 python3 -c "$use" "$@" >/dev/null 2>&1 </dev/null; }
stale look && stale || { echo "broken: it doesn't work at first"; exit 3; }
verdict locked
sleep 100 # 5 s of life at least, and 90 s of grace (pins.h)
verdict locked # servers have closed what was kept
! stale || escaped "it is still believed"
verdict none
stale look || { echo "broken: nor after another look"; exit 3; }
unbox stale
stopped "a new question is asked first"
