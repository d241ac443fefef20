# SPDX-License-Identifier: Apache-2.0
# run-cases.sh - more cases of run-test.sh: options, names, the verbs one after the
# other, stopping, logs, many at once. Sourced by it.

options() {
	wall=container
	check "an unknown option names the nearest" fails "unknown option '--nam'" r --nam x -- true
	check "... in the hint" grep -q "did you mean '--name'" "$E"
	check "an unknown letter is named" fails "unknown option '-Z'" r -Z -- true
	check "an unknown verb names the nearest" fails "unknown command 'rnu'" brig rnu
	check "an unknown wall names the nearest" fails "unknown wall 'contaner'" \
		brig run --wall contaner -- true
	check "an unknown agent is named" fails "no-such-agent" brig run no-such-agent
	check "a bad size is quoted" fails "12q" r -m 12q -- true
	check "a bad duration is quoted" fails "soon" r --timeout soon -- true
	check "a bad number of CPUs is quoted" fails "many" r --cpus many -- true
	check "a bad name is quoted" fails "can't name a sandbox" r --name 'A b' -- true
	check "an option without its value says what it wants" fails "wants NAME" brig run --name
	check "a network that isn't there is an error" fails "balanced" r --net balenced -- true
	check "no sandbox of that name: the nearest is shown" fails "no sandbox 'nope'" brig start nope
	check "exec without a command is an error" fails "no sandbox|no command" brig exec nope
	check "verbs that need a name say so" fails "which sandbox" brig stop
	check "--help is on standard output and succeeds" help_prints
	check "brig without a verb shows help and fails" ends 125 brig
	check "output that can't be written is an error" full_output
	check "auto says which wall it takes" auto_says
	check "nothing was made by all this" says "" brig ls -q
}

help_prints() { brig run --help | grep -q -- --timeout; }

full_output() {
	[ -e /dev/full ] || return 0
	brig version >/dev/full 2>"$E"
	[ $? = 125 ] && grep -q "No space left" "$E"
}

auto_says() {
	brig run --rm --wall auto -- true 2>"$E" && grep -q "auto takes the container wall" "$E"
}

again_same() { # the same agent in the same directory: the same sandbox, its layer kept
	brig run --wall "$wall" -- sh -c 'echo kept >$HOME/note' || return 1
	says kept brig run --wall "$wall" -- sh -c 'cat $HOME/note' || return 1
	says "shell-ws" brig ls -q || return 1
	brig rm shell-ws
}

other_directory() {
	local a b
	mkdir -p "$T/else/ws"
	brig run --wall "$wall" -- true || return 1
	(cd "$T/else/ws" && brig run --wall "$wall" -- true) || return 1
	(cd "$T/else/ws" && brig run --wall "$wall" -- true) || return 1
	a=$(brig ls -q | wc -l)
	b=$(brig ls -q | grep -c '^shell-ws-[0-9a-f]*$')
	brig rm -a >/dev/null
	[ "$a $b" = "2 1" ] || {
		echo "$a sandboxes, $b with digits"
		return 1
	}
}

new_one() {
	local a
	brig run --wall "$wall" -- true && brig run --new --wall "$wall" -- true || return 1
	a=$(brig ls -q | wc -l)
	brig rm -a >/dev/null
	[ "$a" = 2 ]
}

running_again() {
	brig run -d --wall "$wall" -- sleep 60 >"$O" || return 1
	says shell-ws cat "$O" || return 1
	fails "running already" brig run --wall "$wall" -- true || return 1
	says shell-ws brig run -d --wall "$wall" || return 1
	fails "is running" brig rm shell-ws || return 1
	brig rm -f shell-ws >/dev/null && says "" brig ls -q
}

taken_name() {
	(cd "$T/else" && brig create --wall "$wall" --name "$TAG-x") || return 1
	fails "exists already" brig run --wall "$wall" --name "$TAG-x" -- true || return 1
	brig rm "$TAG-x"
}

names() {
	mkdir -p "$T/else"
	check "[$wall] the same agent in the same directory is the same sandbox" again_same
	check "[$wall] another directory of the same name gets a name of its own" other_directory
	check "[$wall] --new makes another" new_one
	check "[$wall] a running sandbox is not run again, nor removed without --force" running_again
	check "[$wall] a name that another directory has is refused" taken_name
	check "[$wall] other options for a sandbox that exists are refused" other_options
}

other_options() {
	brig create --wall "$wall" --name "$TAG-x" >/dev/null || return 1
	fails "made with another" brig run --wall "$wall" --name "$TAG-x" -v "$T/else:/t" -- true || return 1
	brig rm "$TAG-x"
}

create_start() {
	local x=$TAG-c
	says $x brig create --wall "$wall" --name $x -- sh -c 'echo out; exit 9' || return 1
	has_status $x created || return 1
	fails "does not run" brig attach $x || return 1
	fails "has not run" brig wait $x || return 1
	ends 9 brig start -a $x || return 1
	[ "$(cat "$O")" = out ] || return 1
	has_status $x exited || return 1
	says 9 brig wait $x || return 1
	says $x brig start $x || return 1
	until_true 10 has_status $x exited || return 1
	says $x brig rm $x && has_status $x none
}

exec_running() {
	local x=$TAG-e
	brig run -d --wall "$wall" --name $x -e A=1 -- sleep 60 >/dev/null || return 1
	says "1 2 $W" brig exec -e B=2 $x -- sh -c 'echo $A $B $(pwd)' || return 1
	ends 4 brig exec $x sh -c 'exit 4' || return 1
	ends 127 brig exec $x -- no-such-program || return 1
	ends 126 brig exec $x -- /usr || return 1
	with_input input says input brig exec -i $x -- cat || return 1
	says /usr brig exec -w /usr $x -- pwd || return 1
	brig exec -d $x -- sh -c 'echo late >late' || return 1
	until_true 10 [ -s "$W/late" ] || return 1
	rm -f "$W/late"
	ends 127 brig exec -d $x -- no-such-program || return 1
	has_status $x running || return 1
	brig rm -f $x
}

exec_stopped() {
	local x=$TAG-s
	brig create --wall "$wall" --name $x -- sleep 60 >/dev/null || return 1
	says hello brig exec $x -- echo hello || return 1
	has_status $x exited || return 1
	ends 6 brig exec $x -- sh -c 'exit 6' || return 1
	ends 127 brig exec $x -- no-such-program || return 1
	has_status $x exited || return 1
	brig rm $x
}

paused() {
	local x=$TAG-p a b
	rm -f count
	brig run -d --wall "$wall" --name $x -- \
		sh -c 'i=0; while :; do i=$((i+1)); echo $i >count; sleep 0.01; done' >/dev/null || return 1
	until_true 10 [ -s "$W/count" ] || return 1
	if ! brig pause $x 2>"$E"; then
		brig rm -f $x
		# without a control group nobody can stop the host's processes
		[ "$wall" = chroot ] && [ "$me" != 0 ] && grep -q "can't pause" "$E"
		return
	fi
	has_status $x paused || return 1
	sleep 0.1
	a=$(cat count)
	sleep 0.3
	b=$(cat count)
	[ "$a" = "$b" ] || return 1
	fails "paused already" brig pause $x || return 1
	fails "is paused" brig exec $x -- true || return 1
	brig resume $x || return 1
	has_status $x running || return 1
	until_true 5 sh -c "[ \$(cat count) != $b ]" || return 1
	fails "not paused" brig resume $x || return 1
	brig pause $x && brig stop -t 1 $x >/dev/null && brig rm $x
}

inspected() {
	local x=$TAG-i
	brig run -d --wall "$wall" --name $x -- sleep 60 >/dev/null || return 1
	brig inspect $x | python3 -c '
import json, sys
j = json.load(sys.stdin)
assert j["status"] == "running", j["status"]
assert j["record"]["wall"] == sys.argv[1]
assert j["record"]["argv"][-2:] == ["sleep", "60"], j["record"]["argv"]
assert j["run"]["keeper"] > 1' "$wall" || return 1
	brig stats --json $x | python3 -c '
import json, sys
j = json.load(sys.stdin)[0]
assert j["pids"] >= 1, j
assert j["memory"] > 0, j' || return 1
	brig stats >"$O" && grep -q "^$x" "$O" || return 1
	brig ls >"$O" && grep -q "^$x .*running" "$O" || return 1
	brig rm -f $x
}

waited() {
	local x=$TAG-w pid
	brig run -d --wall "$wall" --name $x -- sh -c 'sleep 0.5; exit 11' >/dev/null || return 1
	brig wait $x >"$O" &
	pid=$!
	says 11 brig wait $x || return 1
	wait $pid
	says 11 cat "$O" || return 1
	# who waits must not be busy with it
	brig run -d --wall "$wall" --new --name $x-2 -- sleep 1.5 >/dev/null || return 1
	pid=$( { TIMEFORMAT=%U%S; time "$BRIG" wait $x-2 >/dev/null; } 2>&1 | tr -d .)
	[ $((10#$pid)) -lt 300000 ] || {
		echo "took $pid of CPU"
		return 1
	}
	brig rm $x $x-2
}

killed() {
	local x=$TAG-k
	brig run -d --wall "$wall" --name $x -- sleep 60 >/dev/null || return 1
	brig kill -s USR1 $x || return 1
	says 138 brig wait $x || return 1
	brig start $x >/dev/null && brig kill $x && says 137 brig wait $x || return 1
	fails "no signal" brig kill -s WHAT $x || return 1
	fails "does not run" brig kill $x || return 1
	brig rm $x
}

cycle() {
	rm -f "$W"/*
	check "[$wall] create, start -a, wait, start, rm" create_start
	check "[$wall] exec in a running sandbox" exec_running
	check "[$wall] exec in a stopped one starts it and stops it again" exec_stopped
	check "[$wall] pause stops everything where it is, resume lets it go on" paused
	check "[$wall] inspect, stats and ls show what runs" inspected
	check "[$wall] wait says the exit status, to all who wait" waited
	check "[$wall] kill sends a signal to the command" killed
	check "[$wall] kill of one that doesn't exist says so" fails "no sandbox" brig kill nope
}

stop_grace() {
	local x=$TAG-g start=$SECONDS
	rm -f "$W/up"
	brig run -d --wall "$wall" --name $x -- \
		sh -c "trap '' TERM; : >up; while :; do sleep 0.1; done" >/dev/null || return 1
	until_true 10 [ -e "$W/up" ] || return 1
	says $x brig stop -t 700ms $x || return 1
	[ $((SECONDS - start)) -lt 8 ] || return 1
	says 137 brig wait $x || return 1
	brig rm $x
}

stop_nice() {
	local x=$TAG-n
	rm -f "$W/up"
	brig run -d --wall "$wall" --name $x -- \
		sh -c "trap 'echo bye >bye; exit 3' TERM; : >up; while :; do sleep 0.02; done" >/dev/null || return 1
	until_true 10 [ -e "$W/up" ] || return 1
	brig stop $x >/dev/null || return 1
	says bye cat bye && says 3 brig wait $x || return 1
	brig inspect $x | grep -q '"reason": *"stopped"' || {
		brig inspect $x | grep reason
		return 1
	}
	fails "does not run" brig stop $x || return 1
	brig rm $x
}

orphans_end() { # what the command left running ends with the sandbox
	local x=$TAG-o pid
	rm -f "$W/up"
	brig run -d --wall "$wall" --name $x -- \
		sh -c 'setsid sh -c "while :; do sleep 0.05; date >>ticks; done" </dev/null >/dev/null 2>&1 & : >up; wait' \
		>/dev/null || return 1
	until_true 10 [ -s "$W/ticks" ] || return 1
	brig stop -t 1 $x >/dev/null || return 1
	pid=$(stat -c %s ticks)
	sleep 0.4
	[ "$pid" = "$(stat -c %s ticks)" ] || {
		echo "it ticks on"
		return 1
	}
	rm -f ticks
	brig rm $x
}

orphans_end_by_themselves() {
	local x=$TAG-o pid
	brig run --wall "$wall" --name $x -- \
		sh -c 'setsid sh -c "while :; do sleep 0.05; date >>ticks; done" </dev/null >/dev/null 2>&1 & sleep 0.3' \
		>/dev/null || return 1
	pid=$(stat -c %s ticks)
	sleep 0.4
	[ "$pid" = "$(stat -c %s ticks)" ] || {
		echo "it ticks on"
		return 1
	}
	rm -f ticks
	brig rm $x
}

stopping() {
	check "[$wall] stop kills after its grace what ignores TERM" stop_grace
	check "[$wall] stop lets a command end by itself" stop_nice
	check "[$wall] what a command left in the background is stopped too" orphans_end
	check "[$wall] what a command left in the background ends with it" orphans_end_by_themselves
}

log_lines() {
	local x=$TAG-l
	brig run --wall "$wall" --name $x -- sh -c 'echo one; sleep 0.1; echo two >&2; sleep 0.1; printf thr; sleep 0.1; echo ee' \
		>/dev/null 2>&1 || return 1
	[ "$(brig logs $x 2>/dev/null)" = "one
three" ] || return 1
	[ "$(brig logs $x 2>&1 >/dev/null)" = two ] || return 1
	says three brig logs -n 1 $x || return 1
	[ "$(brig logs -n 2 $x 2>&1)" = "two
three" ] || {
		brig logs -n 2 $x
		return 1
	}
	[ "$(brig logs --timestamps $x 2>&1 | grep -Ec '^20[0-9][0-9]-[0-9-]*T[0-9:.]*Z (one|two|three)$')" = 3 ] ||
		return 1
	brig rm $x
}

log_follow() {
	local x=$TAG-f
	brig run -d --wall "$wall" --name $x -- sh -c 'for i in 1 2 3; do echo $i; sleep 0.3; done; echo 4' \
		>/dev/null || return 1
	says "1
2
3
4" brig logs -f $x && brig rm $x
}

log_full() { # two files, the older is let go
	local x=$TAG-b
	brig run --wall "$wall" --name $x -- sh -c 'seq 1 4000000' >/dev/null || return 1
	[ "$(brig logs -n 1 $x)" = 4000000 ] || return 1
	[ "$(stat -c %s "$BRIG_HOME/state/sandboxes/$x/log")" -le $((17 << 20)) ] || return 1
	[ "$(brig logs $x | tail -n 1)" = 4000000 ] || return 1
	brig logs $x | awk 'NR > 1 && $1 != last + 1 { print last " then " $1; exit 1 } { last = $1 }' ||
		return 1
	brig rm $x
}

logs() {
	check "[$wall] logs keeps both streams, -n and --timestamps" log_lines
	check "[$wall] logs -f follows until the end" log_follow
	check "[$wall] a log that is full loses its oldest lines only" log_full
	check "[$wall] logs of one that never ran are empty" never_ran
}

never_ran() {
	brig create --wall "$wall" --name "$TAG-z" >/dev/null || return 1
	says "" brig logs "$TAG-z" && brig rm "$TAG-z"
}

fifty() {
	local i pids=() bad=0
	for i in $(seq 50); do
		brig run --rm --wall $wall -- sh -c "sleep 1; echo $i >many-$i; exit $i" 2>>"$E" &
		pids+=($!)
	done
	for i in $(seq 50); do
		wait "${pids[i - 1]}"
		[ $? = "$i" ] || bad=$((bad + 1))
		[ "$(cat "many-$i" 2>/dev/null)" = "$i" ] || bad=$((bad + 1))
	done
	rm -f many-*
	[ $bad = 0 ] || {
		echo "$bad went wrong"
		sort "$E" | uniq -c
		return 1
	}
}

many() {
	: >"$E"
	check "50 sandboxes at once each give their own status" fifty
	check "... and none is left" says "" brig ls -q
	check "... nor anything of them" nothing_left
}
