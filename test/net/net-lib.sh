# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# net-lib.sh - what the tests of the network share. Sourced after lib.sh, as root; has world.sh.
#
#	who USER		who runs brig from here on: root, or an ordinary user
#	box NAME ARG...		a sandbox that runs, in $WALL, with $W shared
#	inside NAME SCRIPT	a script of sh(1) in it
#
# brig is run in the host's namespace of the world, with nothing of the caller's environment
# but what HOST_ENV says. W is a directory that whoever runs brig owns.

. "$here/net/world.sh"

WHO=root WALL=container W=$T/ws
HOST_ENV=()
PYTHON=/usr/bin/python3

if [ "$(id -u)" != 0 ]; then
	skip "${0##*/}" "two network namespaces take root"
	finish
fi
for _ in ip nsenter openssl "$PYTHON"; do
	command -v "$_" >/dev/null && continue
	skip "${0##*/}" "there is no $_"
	finish
done

# lib.sh's own end, for each who ran something
net_users=()
net_cleanup() {
	local user
	for user in "${net_users[@]}"; do
		who "$user"
		b rm --all --force >/dev/null 2>&1
		b prune --force >/dev/null 2>&1
	done
	WHO=root
	world_down
}
trap 'net_cleanup; unfinished' EXIT
net_finish() {
	net_cleanup
	finish
}

who() {
	WHO=$1
	W=$T/ws-$WHO
	export BRIG_HOME=$T/home-$WHO/brig
	[ ! -d "$W" ] || return 0
	net_users+=("$WHO")
	mkdir -p "$W" "$T/home-$WHO"
	chown "$WHO:" "$W" "$T/home-$WHO"
	chmod 755 "$W"
	chmod 700 "$T/home-$WHO"
}

# Is there such a user? With "range" subordinate ids, with "plain" none: run.sh makes them.
user_is() {
	id -u "brig-$1" >/dev/null 2>&1
}

# h COMMAND...: as $WHO, on the host.
h() {
	local as=()
	[ "$WHO" = root ] || as=(setpriv --reuid "$WHO" --regid "$(id -g "$WHO")" --init-groups)
	in_host env -i "PATH=$PATH" "HOME=$T/home-$WHO" "USER=$WHO" "LOGNAME=$WHO" SHELL=/bin/sh TERM=dumb \
		LC_ALL=C.UTF-8 NO_COLOR=1 "BRIG_HOME=$BRIG_HOME" BRIG_SECRET_KEY=file \
		"SSL_CERT_FILE=$world_dir/ca.pem" "${HOST_ENV[@]}" \
		timeout -k 5 "${LIMIT:-60}" "${as[@]}" "$@"
}
b() { h "$BRIG" "$@"; }

# box NAME ARG...
box() {
	local name=$1
	shift
	(cd "$W" && b run -d --name "$name" --wall "$WALL" "$@" -- sleep 10000) >"$T/box.log" 2>&1 && return
	cat "$T/box.log"
	return 1
}

inside() {
	local name=$1
	shift
	b exec "$name" -- sh -c "$@"
}
not() { ! "$@"; }

# where NAME: the sandbox's own directory, as the host has it.
where() { echo "$BRIG_HOME/state/sandboxes/$1"; }

# role NAME gate|injector|vault: its process, found beneath the sandbox's keeper.
role() {
	local todo pid next
	todo=$(jq .keeper "$(where "$1")/run.json")
	while [ -n "$todo" ]; do
		next=
		for pid in $todo; do
			if [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$(dirname "$BRIG")/../libexec/brig/brig-$2")" ]; then
				echo "$pid"
				return 0
			fi
			next+=" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)"
		done
		todo=${next# }
		[ -n "${todo// /}" ] || break
	done
	return 1
}

# verdict NAME FILTER: an event of its log for which the filter of jq holds.
verdict() {
	local f
	f=$(where "$1")/audit.jsonl
	jq -se "map(select(.type == \"net\")) | any(.[]; $2)" "$f" >/dev/null
}
logged() { eventually 4 verdict "$@" || { tail -n 5 "$(where "$1")/audit.jsonl" && return 1; }; }

# asked FILTER: a request that the world saw, for which it holds.
asked() { jq -se "any(.[]; $1)" "$world_dir/requests" >/dev/null || { tail -n 3 "$world_dir/requests" && return 1; }; }

# header NAME: the values of this header that the world saw, one a line.
header() { jq -r --arg n "$1" '.headers[] | select(.[0] == $n)[1]' "$world_dir/requests"; }
