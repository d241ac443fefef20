# SPDX-License-Identifier: Apache-2.0
# Trick: thousands of different denials a second: names, addresses, ports, paths, methods
# Gain: the host's disk is full, or the line that matters is lost among them
# Control: none, without a sandbox there is no log
box flood "${LOCKED[@]}" || { echo "broken: $(cat "$T/box")"; exit 3; }
inside flood env PYTHONDONTWRITEBYTECODE=1 python3 -c 'import sys; sys.path.insert(0, "/hostile")
from trick import *
look_up("paths.example.com")
end, n = time.time() + 3, 0
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while time.time() < end:
    n += 1
    s.sendto(question(f"n{n}.example.org"), (GATE, 53))
    if n % 10 == 0:
        c = tcp(EVIL, n % 60000 + 1, 0.2)
        c and c.close()
    if n % 50 == 0:
        talk(PATHS, 80, request("paths.example.com", f"/denied/{n}") * 20, 0.02)
time.sleep(1.5)
print(n)' >"$T/flood.$ROLE" 2>/dev/null
n=$(cat "$T/flood.$ROLE")
[ "${n:-0}" -gt 1000 ] || { echo "broken: only ${n:-0} were tried"; exit 3; }
size=$(cat "$(state_of flood)"/audit.jsonl* | wc -c)
[ "$size" -lt 2000000 ] || escaped "$n denials made a log of $size bytes"
grep -q 'too many to tell apart' "$(state_of flood)/audit.jsonl" || escaped "what was left out isn't counted"
"${me[@]}" brig audit verify "$ROLE-flood" >/dev/null || escaped "the log's chain is broken"
unbox flood
stopped "$n denials, $size bytes"
