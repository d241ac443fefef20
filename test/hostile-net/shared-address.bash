# SPDX-License-Identifier: Apache-2.0
# Trick: a host that is denied, or that no rule names, asked for in clear at the address of one
#	that is allowed, on a port where any protocol may go; in every form of a request that
#	some server takes
# Gain: what shares an address with something good is good
# Control: none, it holds its own: other protocols, and the good host, get through
# Rules: open
# Once: yes
before=$(wc -l <"$world_dir/requests") # of other attempts
asked_for() { tail -n "+$((before + 1))" "$world_dir/requests" | jq -se 'any(.[]; any(.headers[]; .[0] == "host" and (.[1] | startswith("shared."))))' >/dev/null; }
shared() { # shared PORT GOOD OPTIONS...: in a sandbox of its own
	local s=0
	box shared "${@:3}" || { echo "broken: $(cat "$T/box")"; exit 3; }
	inside shared env FRESH=1 PYTHONDONTWRITEBYTECODE=1 python3 /hostile/shared.py shared.example.com "$1" "$2" || s=$?
	unbox shared
	[ "$s" = 1 ] || exit "$s"
	! asked_for || escaped "a server was asked for the denied host, by ${*:3}"
}
shared 80 api.example.com --net open --deny shared.example.com
shared 8080 looked.up.never --net open --deny shared.example.com:8080
shared 8080 api.example.com --net locked --allow api.example.com:8080
shared 8080 looked.up.never --net locked --allow 93.184.216.34:8080 --allow api.example.com --deny shared.example.com:8080
stopped "nobody was asked for it"
