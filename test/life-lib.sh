# SPDX-License-Identifier: Apache-2.0
# life-lib.sh - what the tests of the life cycle share: counting, a home of their own,
# what may be left behind. Sourced by bash.
#
# The program comes from $BRIG. Everything lives beneath $T, and what a test started is
# ended by brig itself; anything that is left after that fails the test.

BRIG=${BRIG:-brig}
passed=0 failed=0 skipped=0 number=0
T=$(mktemp -d "${TMPDIR:-/tmp}/brig-life.XXXXXX") || exit 1
chmod 711 "$T"
export BRIG_HOME=$T/home
W=$T/ws
mkdir -p "$W" "$BRIG_HOME"
cd "$W" || exit 1
unset XDG_RUNTIME_DIR XDG_STATE_HOME XDG_DATA_HOME XDG_CONFIG_HOME
out=$T/out err=$T/err

ok() {
	number=$((number + 1))
	passed=$((passed + 1))
	echo "ok $number - $1"
}

not_ok() {
	number=$((number + 1))
	failed=$((failed + 1))
	echo "not ok $number - $1"
	shift
	[ $# = 0 ] || printf '%s\n' "$@" | head -n 30 | sed 's/^/#   /'
}

skip() {
	number=$((number + 1))
	skipped=$((skipped + 1))
	echo "ok $number - $1 # SKIP $2"
}

# check SENTENCE COMMAND...: a test; what the command says is shown when it fails.
check() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "$said" "(by: $*)"
	fi
}

# brig ARG...: the program, bounded in time.
brig() {
	timeout -k 5 60 "$BRIG" "$@"
}

# Ends with STATUS? What it printed is in $out and $err.
ends() {
	local want=$1 got
	shift
	"$@" >"$out" 2>"$err"
	got=$?
	[ "$got" = "$want" ] && return 0
	echo "ended with $got and not $want: $*"
	tail -n 5 "$out" "$err"
	return 1
}

# Ends with 125 and a message in which PATTERN is found?
refuses() {
	local pattern=$1
	shift
	ends 125 "$@" || return 1
	grep -Eq -e "$pattern" "$err" && return 0
	echo "no /$pattern/ in:"
	cat "$err"
	return 1
}

# Prints exactly TEXT (without the last newline) and succeeds?
prints() {
	local want=$1 got
	shift
	got=$("$@" 2>"$err") || {
		echo "ended with $?: $*"
		cat "$err"
		return 1
	}
	[ "$got" = "$want" ] && return 0
	printf 'printed %q and not %q: %s\n' "$got" "$want" "$*"
	cat "$err"
	return 1
}

status_of() {
	brig ls --json | python3 -c '
import json, sys
print(next((s["status"] for s in json.load(sys.stdin) if s["name"] == sys.argv[1]), "none"))' "$1"
}

has_status() {
	local now
	now=$(status_of "$1")
	[ "$now" = "$2" ] && return 0
	echo "'$1' is $now and not $2"
	return 1
}

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1)) said
	shift
	while ! said=$("$@" 2>&1); do
		[ $SECONDS -ge $end ] && {
			echo "$said"
			echo "not in time: $*"
			return 1
		}
		sleep 0.05
	done
}

gone() { ! [ -e "$1" ]; }

# Processes that belong to sandboxes of this home: keepers by their environment, the
# others by their being somewhere beneath it (their root is a mount of it).
leftover_processes() {
	local p env
	for p in /proc/[0-9]*; do
		[ "$p" = /proc/$$ ] && continue
		case $(readlink "$p/exe") in
		*/brig)
			env=$(tr '\0' '\n' <"$p/environ" | grep -x "BRIG_HOME=$BRIG_HOME")
			[ -n "$env" ] && echo "${p#/proc/} keeper"
			;;
		esac
		grep -qF "$BRIG_HOME/state/sandboxes" "$p/mountinfo" &&
			echo "${p#/proc/} $(tr '\0' ' ' <"$p/cmdline")"
	done 2>/dev/null
}

leftover_groups() {
	find /sys/fs/cgroup -path "*/brig/*" -type d -name "*$1*" 2>/dev/null
}

leftover_mounts() { grep -F "$T" /proc/self/mountinfo; }

# Nothing of this home is left running, mounted or limited?
nothing_left() {
	local said
	said=$(leftover_processes; leftover_groups "$TAG"; leftover_mounts
		ls "$BRIG_HOME/run" 2>/dev/null)
	[ -z "$said" ] && return 0
	echo "left: $said"
	return 1
}

# In every name of a sandbox, so that its control groups can be told from others'.
TAG=t$$

finish() {
	brig stop -a -t 500ms >/dev/null 2>&1
	brig prune --force >/dev/null 2>&1
	brig rm -fa >/dev/null 2>&1
	if [ -n "$(leftover_processes)" ]; then
		leftover_processes | while read -r pid what; do
			echo "# killed what was left: $pid $what"
			kill -9 "$pid"
		done
	fi
	cd /
	rm -rf "$T" 2>/dev/null || unshare -Ur --map-auto rm -rf "$T" 2>/dev/null
	echo "1..$number"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}
