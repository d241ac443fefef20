#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The processes of the network end, and come again: nothing goes past them meanwhile, and
# nothing is lost. And many connections leave nothing behind.
# run as: root
# time: 300
. "$(dirname "$0")/lib.sh"
. "$here/net/net-lib.sh"

world_up api.example.com=93.184.216.34 open.example.com=93.184.216.36 evil.example.com=93.184.216.35

p=$T/programs
mkdir -p "$p" && cp "$here/net/clients/"*.py "$p/" && chmod -R a+rX "$p"
start() {
	box box --net locked -v "$p:$p:ro" --allow api.example.com --allow api.example.com:22 \
		--allow 'https://open.example.com/**' --deny 93.184.216.35
}
status_of() { inside box "curl -s -m 5 -o /dev/null -w '%{http_code}' $1; true"; }
works_again() { [ "$(status_of "$1")" = 200 ]; }
leaked() { asked '.to == "93.184.216.35"' || asked '.to == "::ffff:93.184.216.35"'; }
gone() { ! kill -0 "$1" 2>/dev/null; }
# comes LOG LINES: an answer after so many lines
comes() { tail -n "+$(($2 + 2))" "$1" | grep -qx up; }
listening() { nsenter -t "$world_host" -n ss -Hltun | awk '{ print $5 }' | sort | xargs; }

# killed WORD: each role in turn while requests go, and what is denied is tried all the time
killed() {
	local name pid lines log=$T/probe.log host=api.example.com before
	check "a sandbox to be hurt starts, $1" start
	world_forget
	before=$(listening)
	for host in api.example.com open.example.com; do
		: >"$log"
		LIMIT=120 inside box "$PYTHON $p/probe.py $host 93.184.216.35" >"$log" 2>&1 &
		check "requests to $host go, $1" eventually 10 comes "$log" 0
		for name in gate injector vault; do
			pid=$(role box "$name")
			kill -9 "$pid"
			check "the $name is killed meanwhile, $1" eventually 5 gone "$pid"
			lines=$(wc -l <"$log")
			check "... and there is another one, $1" eventually 5 role box "$name"
			check "... requests to $host go again, $1" eventually 10 comes "$log" "$lines"
		done
		b exec box -- pkill -f probe.py
		wait $!
		check "what is denied was denied at every moment, $1" not grep -q LEAK "$log"
	done
	check "... and the world saw nothing of it, $1" not leaked
	prints "nothing listens on the host that didn't before, $1" "$before" listening
	shows "the log has what came before and after, $1" unbroken b audit verify box
}

# a rule that came while nobody was there to hear it
told_meanwhile() {
	local pid
	check "its gate is there, $1" works_again https://open.example.com/
	pid=$(role box gate)
	kill -STOP "$pid"
	b policy deny --sandbox box open.example.com >/dev/null 2>&1 &
	sleep 0.3
	kill -9 "$pid"
	wait $!
	check "a rule that came while the gate died holds, $1" eventually 10 denied_now
	b policy rm --sandbox box "deny open.example.com" >/dev/null
	check "... and goes, $1" eventually 10 works_again https://open.example.com/
}
denied_now() { role box gate && [ "$(status_of https://open.example.com/)" = 000 ]; }

# again and again: the network goes off
worn_out() {
	local pid n
	for n in {1..9}; do
		pid=
		eventually 5 role box gate || break
		pid=$(role box gate)
		kill -9 "$pid"
		eventually 5 gone "$pid"
	done
	check "after nine deaths in a row there is no gate any more, $1" eventually 5 off
	prints "... and no network, $1" 000 status_of https://api.example.com/
	prints "... by address neither, $1" 000 status_of http://93.184.216.34/
	check "... which is written down, $1" grep -q "the network is off" "$(where box)/keeper.log"
	check "other commands still run, $1" inside box true
	b attach box >"$T/note" 2>&1 </dev/null &
	sleep 0.5
	check "a stop and a start bring it back, $1" restarts
	wait $!
	shows "... and who was there was told, $1" "network was switched off" cat "$T/note"
	check "it is removed, $1" b rm -f box
}
off() { not role box gate && grep -q "the network is off" "$(where box)/keeper.log"; }
restarts() {
	b stop -t 1 box && b start box && works_again https://api.example.com/
}

# the keeper goes, and all of them with it
keeper_dies() {
	local name pids=()
	check "a sandbox starts, $1" start
	check "its network is there, $1" works_again https://open.example.com/
	for name in gate injector vault; do
		pids+=("$(role box "$name")")
	done
	kill -9 "$(jq .keeper "$(where box)/run.json")"
	for name in "${pids[@]}"; do
		check "with the keeper ends what it started, $1" eventually 5 gone "$name"
	done
	check "it is removed, $1" b rm -f box
}

fds() { find "/proc/$1/fd" -type l | wc -l; }
rss() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
as_before() { [ "$(fds "$1")" -le "$2" ]; }

churns() {
	local gate injector f g m n kind
	check "a sandbox to be churned starts, $1" start
	# what is kept for the next request, to each host, is there before it is counted
	inside box "for k in 'banner 200 api' 'tls 200 api' 'clear 200 api' 'tls 200 open'; do set -- \$k; $PYTHON $p/churn.py \$1 \$2 \$3.example.com; done" >/dev/null
	gate=$(role box gate) injector=$(role box injector)
	sleep 1
	f=$(fds "$gate") g=$(fds "$injector") m=$(rss "$gate") n=$(rss "$injector")
	for kind in "banner 4000 api" "tls 2000 api" "clear 1500 api" "tls 2000 open" "abort 500 open"; do
		# shellcheck disable=SC2086 # words
		set -- "$1" $kind
		LIMIT=100 check "$3 connections to $4, $2, $1" inside box "$PYTHON $p/churn.py $2 $3 $4.example.com"
	done
	check "the same gate served them all, $1" [ "$(role box gate)" = "$gate" ]
	check "it has no more descriptors than before, $1" eventually 10 as_before "$gate" $((f + 8))
	check "... nor has the injector, $1" eventually 10 as_before "$injector" $((g + 8))
	prints "... nor 8 MiB more memory, $1" yes grown "$gate" "$m"
	prints "... nor has the injector, $1" yes grown "$injector" "$n"
	check "it is removed, $1" b rm -f box
}
grown() {
	local now
	now=$(rss "$1")
	if [ "$now" -le $(($2 + 8192)) ]; then echo yes; else echo "$2 KiB became $now KiB"; fi
}

who root
WALL=container
if ! works container; then
	skip "the end of the network's processes" "the container wall doesn't run here"
	net_finish
fi
ends() {
	killed "$1"
	told_meanwhile "$1"
	worn_out "$1"
	keeper_dies "$1"
	churns "$1"
}
ends "root in a container"
if works sentry; then
	WALL=sentry
	ends "root behind the sentry"
else
	skip "the end of the network's processes behind the sentry" "it doesn't run here: brig doctor"
fi
if user_is range && works nspawn; then
	who brig-range
	WALL=nspawn
	check "a sandbox of a user's starts" start
	told_meanwhile "a user in nspawn"
	check "it is removed" b rm -f box
	keeper_dies "a user in nspawn"
else
	skip "the end of the network's processes, as a user" "there is no user brig-range, or no nspawn wall"
fi
net_finish
