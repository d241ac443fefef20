# SPDX-License-Identifier: Apache-2.0
# Trick: connections that were allowed are held open over the moment in which a rule denies
#	them: passed through, opened, in clear, of another protocol
# Gain: a foot in the door
# Control: none, it holds its own: one that stays allowed lives on
box flows "${LOCKED[@]}" || { echo "broken: $(cat "$T/box")"; exit 3; }
log=$T/flows.$ROLE
rm -f "$log"
inside flows env FRESH=1 PYTHONDONTWRITEBYTECODE=1 python3 /hostile/flows.py 2 >"$log" 2>/dev/null &
eventually 10 grep -q open "$log" || { cat "$log"; echo "broken: they don't open"; exit 3; }
"${me[@]}" brig policy deny --sandbox "$ROLE-flows" api.example.com key.example.com raw.example.com \
	>/dev/null || { echo "broken: no rule can be added"; exit 3; }
wait $!
unbox flows
cat "$log"
! grep -E '^(api|key|raw).*lives' "$log" || escaped "$(grep -E '^(api|key|raw).*lives' "$log" | head -n 1)"
[ "$(grep -c cut "$log")" = 5 ] && [ "$(grep -c '^mixed.*lives' "$log")" = 2 ] ||
	{ echo "broken: $(tr '\n' ',' <"$log")"; exit 3; }
stopped "five are cut, the two that are still allowed live"
