#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [PART...] - attacks on the sentry's own layers; hostile/run.sh has those that any
#	wall has to stop. Four parts, all of them or those that are named:
#
#	captured	a program in the place of the guest's kernel: what an attacker has who
#			has broken that kernel (captured.c). The jail alone has to hold.
#	tricks		a program that attacks what is between it and the guest's kernel
#			(stub-tricks.c): it gets nothing, whoever it is inside, and the
#			sandbox answers afterwards, and ends when asked.
#	storms		root inside, on the real kernel, at its worst (storm.c): the host and
#			other sandboxes must not notice, and the sandbox must end when asked.
#	kills		each process killed while a workload runs: nothing may be left.
#
# Whatever an attack says of itself, the host's side is looked at.
#
# run as: root range plain
# time: 800
# alone: yes
set -u
folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../lib.sh"
. "$folder/../tricks-lib.sh"

OUT=$T/out IN=$T/in WS=$T/ws
# seconds in which another sandbox has to answer, and in which a stop has to be over
ANSWER=5 END=20

# ---- the host's side

build() {
	local cc=${CC:-cc} inc=$folder/../../src/linux/seccomp-sentry.inc
	command -v "$cc" >/dev/null || { skip "attacks on the sentry" "there is no C compiler"; finish; }
	mkdir -p "$T/build" "$OUT" "$IN" "$T/libexec" "$T/bin" "$T/stub"
	awk -F'"' '/^WORD/ { word = $2 }
		/^(CALL|CALL_IF|PROBE)\(/ {
			how = word == "start" ? "START" : "RUN"
			if ($1 ~ /CALL_IF/) how = how " | IF"
			if ($1 ~ /PROBE/) how = how " | PROBED"
			printf "#ifdef SYS_%s\n\t{ SYS_%s, \"%s\", %s },\n#endif\n", $2, $2, $2, how
		}' "$inc" >"$T/build/calls.h"
	"$cc" -O1 -static -w -I"$T/build" -o "$IN/gain" "$folder"/captured*.c &&
		"$cc" -O1 -static -w -o "$T/bin/storm" "$folder/storm.c" &&
		"$cc" -O1 -static -w -o "$T/bin/outside" "$folder/outside.c" &&
		tricks_build "$T/stub/tricks" &&
		echo 'int main(void) { return 7; }' | "$cc" -w -x c -o "$IN/dynamic" - || {
		not_ok "the attacks compile"
		finish
	}
	cp "${BRIG_LIBEXEC:-$(dirname "$BRIG")/../libexec/brig}"/* "$T/libexec/"
	cp --remove-destination "$IN/gain" "$T/libexec/linux-uml"
	chmod 755 "$T/libexec"/*
}

prepare() {
	printf 'brig-secret-%s\n' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" >"$OUT/secret"
	chmod 600 "$OUT/secret"
	echo canary >"$OUT/canary"
	echo file >"$IN/file"
	: >"$OUT/heard"
	"$T/bin/outside" "$OUT" >"$T/served" 2>&1 &
	server=$!
	eventually 5 grep -q ABSTRACT "$T/served" || { not_ok "the host's side starts"; finish; }
	. "$T/served"
	echo "$OUT/secret" >"$IN/secret"
	echo "$OUT/socket" >"$IN/socket"
	echo "$ABSTRACT" >"$IN/abstract"
	echo "$PORT" >"$IN/port"
	echo "$CANARY" >"$IN/canary-pid"
	echo "$WS" >"$IN/workspace"
	hostname -I 2>/dev/null | tr ' ' '\n' | grep -F . | head -n 8 | tr '\n' ' ' >"$IN/addresses"
	programs=$(sha256sum /usr/bin/id /usr/bin/env "$IN"/{file,gain,dynamic} "$T/libexec"/* | sha256sum)
}

reset() {
	rm -rf "$WS" 2>/dev/null || unshare -r --map-auto rm -rf "$WS"
	mkdir "$WS"
	chmod 777 "$WS"
	git init -q "$WS" 2>/dev/null
}

# What happened to the host; nothing when all is well.
damage() {
	[ "$(cat "$OUT/canary")" = canary ] || echo "the host's file was changed"
	[ ! -s "$OUT/heard" ] || echo "the host heard: $(sort "$OUT/heard" | uniq -c | head -n 3)"
	kill -0 "$server" 2>/dev/null || echo "the host's process is gone"
	[ "$(sha256sum /usr/bin/id /usr/bin/env "$IN"/{file,gain,dynamic} "$T/libexec"/* | sha256sum)" = "$programs" ] ||
		echo "a file that was shown read-only was changed"
	[ -z "$(find "$WS" -perm /6000 2>/dev/null)" ] || echo "a set-ID file stays in the workspace"
	[ -z "$(find "$WS" ! -type f ! -type d ! -type l 2>/dev/null)" ] ||
		echo "a device, or the like, stays in the workspace"
	git -C "$WS" config --get core.fsmonitor && echo "git's configuration was changed"
	[ ! -r /etc/shadow ] || [ ! -s "$WS/shadow" ] || ! cmp -s /etc/shadow "$WS/shadow" ||
		echo "the host's shadow file was read"
}

no_damage() { # no_damage NAME
	local harm
	harm=$(damage)
	if [ -z "$harm" ]; then ok "$1"; else not_ok "$1" "$harm"; fi
}

told() { "$BRIG" inspect "$1" 2>/dev/null | jq -r ".. | .$2? // empty" | head -n 1; }
gone() { [ ! -d "/proc/$1" ] || [ "$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status")" = Z ]; }
quiet() { timeout -s KILL "$1" "${@:2}" >"$T/said" 2>&1 </dev/null; }

# remove NAME WHAT: it ends when asked, with all that it had.
remove() {
	local name=$1 what=$2 init keeper from=$SECONDS
	init=$(told "$name" init) keeper=$(told "$name" keeper)
	if ! quiet $END "$BRIG" rm --force "$name"; then
		not_ok "$what" "brig rm said: $(tail -n 2 "$T/said")"
	elif [ -n "$init" ] && ! eventually 5 gone "$init"; then
		not_ok "$what" "its process $init runs on"
	elif [ -n "$keeper" ] && ! eventually 5 gone "$keeper"; then
		not_ok "$what" "its keeper $keeper runs on"
	else
		ok "$what"
		echo "#   after $((SECONDS - from)) s"
	fi
}

# ---- a captured kernel

# captured MODE [OPTIONS...]: with this program as kernel, until it has done its worst.
captured() {
	echo "$1" >"$IN/mode"
	rm -f "$WS/result"
	BRIG_LIBEXEC=$T/libexec timeout -s KILL 40 "$BRIG" run -d -q --name captured --wall sentry "${cpus[@]}" \
		-v "$IN:/captured:ro" "${@:2}" "$WS" -- true >"$T/run" 2>&1 </dev/null
	status=$?
	eventually "${WAIT:-60}" ended
}

ended() { grep -qs '^done' "$WS/result" || [ "$(told captured status)" != running ]; }

# Its lines as tests; AS says in which state it was.
take_result() { # take_result WHAT
	local line suffix=
	while IFS= read -r line; do
		case $line in
		stopped:*) ok "${line#stopped: }$suffix" ;;
		escaped:*) not_ok "${line#escaped: }$suffix" ;;
		noted:\ with*) suffix=", ${line#noted: }" ;;
		noted:*) echo "#  ${line#noted:}" ;;
		esac
	done < <(cat "$WS/result" 2>/dev/null)
	grep -qs '^done' "$WS/result" ||
		not_ok "$1 runs to its end" "brig run ended with $status: $(cat "$T/run")
$(tail -n 5 "$BRIG_HOME/state/sandboxes/captured/keeper.log" 2>/dev/null)"
}

part_captured() {
	local log=$BRIG_HOME/state/sandboxes/captured/keeper.log init mode
	reset
	captured calls --net none
	take_result "a captured kernel that tries each call"
	remove captured "a captured kernel that tried each call is removed"

	reset
	captured attempts --net none "${pids[@]}"
	take_result "a captured kernel that tries what the container wall stops"
	remove captured "a captured kernel that tried it all is removed"
	no_damage "the host is as it was after that"

	reset
	echo never >"$IN/end"
	captured nothing --net none
	init=$(told captured init)
	shows "it has four capabilities over its own files and no others" 'CapPrm:.0000000000000[01]b$|CapPrm:.000000000000001b$' \
		grep CapPrm "/proc/$init/status"
	shows "and none to get by executing" 'CapBnd:.000000000000001b$' grep CapBnd "/proc/$init/status"
	shows "it gains nothing by executing" 'NoNewPrivs:.1' cat "/proc/$init/status"
	shows "its calls are filtered" 'Seccomp:.2' cat "/proc/$init/status"
	check "its ids are not the host's root's" sh -c "! grep -Eq '^ *[0-9]+ +0 ' /proc/$init/uid_map || [ \$(id -u) != 0 ]"
	remove captured "a captured kernel that is deaf to its end is removed"

	reset
	captured link --net locked
	take_result "a captured kernel that sends frames"
	remove captured "a captured kernel that sent frames is removed"
	no_damage "the host heard nothing of them"
	rm -f "$IN/end"

	reset
	captured flood --net none
	take_result "a captured kernel that floods its console"
	quiet $END "$BRIG" stop captured
	check "what it says on its console is bounded, and shown as text" sh -c "
		[ \$(stat -c %s '$log') -lt 400000 ] && ! grep -q \"\$(printf '\\033')\" '$log' && grep -q 'guest: ' '$log'"
	remove captured "a captured kernel that flooded its console is removed"

	for mode in garbage traced forge0 forge1 forge2 forge3 forge4 forge5; do
		reset
		WAIT=15 captured $mode --net none
		if [ "$status" = 137 ]; then
			not_ok "brig run ends after a captured kernel's $mode"
		elif grep -qa "$(printf '\033')" "$T/run"; then
			not_ok "the terminal gets no escape sequences of a captured kernel's $mode"
		elif grep -qaE 'Sanitizer|runtime error' "$log" 2>/dev/null || [ "$(told captured status)" = crashed ]; then
			not_ok "the keeper survives a captured kernel's $mode" "$(tail -n 5 "$log")"
		else
			remove captured "the keeper survives a captured kernel's $mode, and ends it"
		fi
	done
	no_damage "the host is as it was after that"

	reset
	if [ ${#pids[@]} -gt 0 ]; then
		WAIT=30 captured forks --net none "${pids[@]}"
		take_result "a captured kernel that makes processes without end"
		answers "another sandbox answers beside a captured kernel's processes"
		remove captured "a captured kernel that made processes without end is removed"
	else
		skip "a captured kernel makes no processes without end" "processes can't be limited here"
	fi

	reset
	# else the limit is its own kernel's, which is the captured one
	if [ ${#memory[@]} -gt 0 ] && "$BRIG" doctor </dev/null 2>&1 | grep 'cgroups .* memory' | grep -qv 'no memory'; then
		WAIT=30 captured memory --net none "${memory[@]}"
		answers "another sandbox answers after a captured kernel took all memory"
		check "a captured kernel gets no more memory than it was given" \
			sh -c "! grep -q escaped '$WS/result'"
		remove captured "a captured kernel that took all memory is removed"
	else
		skip "a captured kernel gets no more memory than it was given" "memory can't be limited here"
	fi
}

# ---- a program's tricks

# tricks WHERE [OPTIONS...]: all of them in one sandbox, one after the other.
tricks() {
	local where=", $1" more=()
	shift
	# less is not enough for those that fill memory
	[ ${#memory[@]} = 0 ] || more=(-m 256M)
	reset
	if ! quiet 40 "$BRIG" run -d -q --name tricks --wall sentry --net none "${more[@]}" \
		-v "$T/stub:/stub:ro" "$@" "$WS" -- sleep 100000; then
		not_ok "a sandbox for tricks starts$where" "$(tail -n 3 "$T/said")"
		return
	fi
	timeout -s KILL 120 "$BRIG" exec tricks -- /stub/tricks >"$T/tricked" 2>&1 </dev/null
	tricks_lines "$T/tricked" "$where"
	check "the sandbox answers after a program's tricks$where" \
		timeout -s KILL $ANSWER "$BRIG" exec tricks -- true
	answers "another sandbox answers, too$where"
	remove tricks "the sandbox of a program's tricks ends when asked$where"
}

part_tricks() {
	local most=("${cpus[@]}") many='' who=()
	# else it is the caller, who is root inside, too
	[ "$(id -u)" != 0 ] || who=(-u 1000)
	if [ ${#cpus[@]} = 0 ]; then
		tricks "on what CPUs there are" "${who[@]}"
		skip "tricks get a program nothing, on one CPU" "CPUs can't be limited here"
	else
		tricks "on one CPU" "${cpus[@]}" "${who[@]}"
		if [ "$(nproc)" -gt 1 ] && limited --cpus 2; then
			most=(--cpus 2) many=" on two CPUs"
			tricks "on two CPUs" "${most[@]}" "${who[@]}"
		else
			skip "tricks get a program nothing, on two CPUs" "there are no two here"
		fi
	fi
	if limited -u 0; then
		tricks "as root$many" "${most[@]}" -u 0
	else
		skip "tricks get a program nothing, as root" "nobody can be root inside here"
	fi
	no_damage "the host is as it was after the tricks"
}

# ---- root inside

answers() { # answers NAME
	local text from
	from=$(date +%s%N)
	text=$(timeout -s KILL $ANSWER "$BRIG" exec witness -- echo well 2>&1 </dev/null)
	if [ "$text" = well ]; then
		ok "$1"
		echo "#   after $((($(date +%s%N) - from) / 1000000)) ms"
	else
		not_ok "$1" "it said: $text"
	fi
}

# storm NAME SECONDS WHAT [OPTIONS...]: let it blow, then end it.
storm() {
	local name=$1 seconds=$2 what=$3
	shift 3
	reset
	if ! quiet 40 "$BRIG" run -d -q --name storm --wall sentry --net none -u 0 "${cpus[@]}" "${memory[@]}" "${pids[@]}" \
		-v "$T/bin:/storms:ro" "$@" "$WS" -- /storms/storm "$name"; then
		not_ok "$what starts" "$(tail -n 3 "$T/said")"
		return
	fi
	sleep "$seconds"
	answers "another sandbox answers during $what"
	quiet $END "$BRIG" stop --time 1 storm
	status=$?
	# its kernel may be gone already, for want of memory
	[ "$status" = 0 ] || grep -q 'does not run' "$T/said" ||
		not_ok "$what is stopped" "brig stop ended with $status: $(tail -n 2 "$T/said")"
	check "the keeper's log is bounded after $what" \
		sh -c "[ \$(stat -c %s '$BRIG_HOME/state/sandboxes/storm/keeper.log') -lt 400000 ]"
	remove storm "$what ends when asked"
}

# in_storm NAME: run it to its end; sets status and took.
in_storm() {
	local from=$SECONDS
	reset
	timeout -s KILL 30 "$BRIG" run --rm --name storm --wall sentry --net none -u 0 "${cpus[@]}" "${memory[@]}" \
		-v "$T/bin:/storms:ro" "$WS" -- /storms/storm "$1" >"$T/said" 2>&1 </dev/null
	status=$? took=$((SECONDS - from))
}

# tried NAME WHAT: it says itself how it went.
tried() {
	in_storm "$1"
	if ! grep -q ^escaped: "$T/said" && grep -q ^stopped: "$T/said"; then
		ok "$2"
		sed -n 's/^/#   /p' "$T/said" | head -n 3
	else
		not_ok "$2" "it ended with $status after $took s: $(tail -n 5 "$T/said")"
	fi
	[ -z "$(told storm status)" ] || remove storm "what tried '$1' is removed"
}

# ended_by NAME WHAT: the sandbox is over by it, soon and whole.
ended_by() {
	in_storm "$1"
	if [ "$took" -lt 25 ] && [ "$status" != 0 ] && [ -z "$(told storm status)" ]; then
		ok "$2"
		echo "#   with $status after $took s: $(tail -n 1 "$T/said")"
	else
		not_ok "$2" "it ended with $status after $took s: $(tail -n 5 "$T/said")"
	fi
	[ -z "$(told storm status)" ] || remove storm "what tried '$1' is removed"
}

part_storms() {
	storm forks 3 "a fork bomb that raised its limits"
	# else it would be half of the machine's that they take
	if [ ${#memory[@]} -gt 0 ]; then
		storm memory 4 "a memory bomb"
		ended_by panic "a panic ends the sandbox"
	else
		skip "a memory bomb ends when asked" "memory can't be limited here"
	fi
	storm devices 2 "a flood of the console and the log"
	storm frames 2 "a flood of frames" --net locked
	storm mounts 2 "a mount bomb"
	storm deaf 2 "a guest that lets nothing end"
	tried stream "the stream to the keeper can't be opened again"
	tried brigfs "another descriptor of its kernel's is no file system"
	tried kernel "files of the kernel lead to its own kernel alone"
	tried inodes "thousands of files and directories are served or refused"
	ended_by restart "a restart ends the sandbox"
	ended_by halt "a halt ends the sandbox"
	no_damage "the host is as it was after the storms"
}

# ---- who is killed

# kill_one WHAT PID: while files are written; then nothing is left, and they are whole.
kill_one() {
	local what=$1 which=$2 init keeper pid cli=
	reset
	timeout -s KILL 60 "$BRIG" run -q --name killed --wall sentry "${cpus[@]}" --net locked "$WS" -- sh -c '
		n=0; while :; do n=$((n + 1)); echo "line $n" >new; mv new "f$((n % 50))"; (:) ; done' >"$T/run" 2>&1 </dev/null &
	cli=$!
	disown "$cli"
	eventually 20 test -s "$WS/f3" || not_ok "a workload runs" "$(cat "$T/run")"
	sleep "0.$((RANDOM % 9))"
	init=$(told killed init) keeper=$(told killed keeper)
	case $which in
	keeper) pid=$keeper ;;
	kernel) pid=$init ;;
	cli) pid=$(pgrep -P "$cli" | head -n 1) ;;
	stub) pid=$(pgrep -P "$init" | tail -n 1) ;;
	esac
	if [ -z "$pid" ]; then
		not_ok "$what can be killed" "no such process"
		pid=$$-none
	else
		kill -KILL "$pid"
	fi
	sleep 0.5
	case $which in
	keeper | kernel)
		if eventually 10 gone "$init" && eventually 10 gone "$keeper"; then
			ok "kernel and keeper end when $what is killed"
		else
			not_ok "kernel and keeper end when $what is killed" "$(ps -o pid,ppid,stat,args -p "$init,$keeper")"
		fi ;;
	esac
	quiet $END "$BRIG" ls
	check "brig rm removes what is left when $what was killed" timeout -s KILL $END "$BRIG" rm --force killed
	gone "$init" && gone "$keeper" || not_ok "nothing runs on when $what was killed"
	[ ! -e "$BRIG_HOME/state/sandboxes/killed" ] || not_ok "nothing of it is left when $what was killed" \
		"$(find "$BRIG_HOME/state/sandboxes/killed" | head)"
	! find /sys/fs/cgroup -maxdepth 6 -name '*killed*' 2>/dev/null | grep -q . ||
		not_ok "no control group is left when $what was killed"
	! grep -q "$BRIG_HOME" /proc/mounts || not_ok "no mount is left when $what was killed"
	check "the workspace is whole when $what was killed" bash -c '
		for f in "$0"/f*; do grep -qxE "line [0-9]+" "$f" && [ $(wc -l <"$f") = 1 ] || { echo "$f:"; cat "$f"; exit 1; }; done' "$WS"
}

part_kills() {
	kill_one "the keeper" keeper
	kill_one "the kernel" kernel
	kill_one "the command line" cli
	kill_one "a process of a program" stub
	quiet $END "$BRIG" prune --force
	check "the host's own files are as they were" test -z "$(damage)"
}

# limited OPTION VALUE: can the caller have this limit here?
limited() {
	quiet 40 "$BRIG" run --rm -q --wall sentry --net none "$@" "$WS" -- true
}

build
reset
if ! quiet 40 "$BRIG" run --rm -q --wall sentry --net none "$WS" -- true; then
	skip "attacks on the sentry" "it doesn't run here: $(head -n 1 "$T/said")"
	finish
fi
cpus=(--cpus 1) memory=(-m 128M) pids=(--pids 100)
limited "${cpus[@]}" || cpus=()
limited "${memory[@]}" || memory=()
limited "${pids[@]}" || pids=()
prepare
mkdir -p "$T/witness"
quiet 40 "$BRIG" run -d -q --name witness --wall sentry --net none "${cpus[@]}" "${memory[@]}" "$T/witness" -- sleep 100000 ||
	not_ok "another sandbox runs" "$(cat "$T/said")"
[ $# -gt 0 ] || set -- captured tricks storms kills
for part; do
	"part_$part"
done
answers "the other sandbox lived through it all"
kill "$server" 2>/dev/null
wait "$server" 2>/dev/null
finish
