# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lib.sh - what every test of the command line shares. Sourced by bash scripts:
#
#	. "$(dirname "$0")/lib.sh"
#	check "true ends with 0" brig run --rm -- true
#	finish
#
# Sets T (a directory of the script's own, removed at the end), and BRIG (the program; on
# PATH as brig). A script prints TAP's lines, and at last "N passed, N failed, N skipped".
# run.sh gives the environment; a script that is started by hand makes its own.

passed=0 failed=0 skipped=0 number=0

ok() {
	number=$((number + 1)) passed=$((passed + 1))
	echo "ok $number - $1"
}

# not_ok NAME [DETAIL]
not_ok() {
	number=$((number + 1)) failed=$((failed + 1))
	echo "not ok $number - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | head -n 40 | sed 's/^/#   /'
}

# skip NAME WHY: loud, and counted.
skip() {
	number=$((number + 1)) skipped=$((skipped + 1))
	echo "ok $number - $1 # SKIP $2"
}

# check NAME COMMAND...: it ends with 0.
check() {
	local name=$1 out status
	shift
	out=$("$@" 2>&1 </dev/null) && status=0 || status=$?
	if [ "$status" = 0 ]; then ok "$name"; else
		not_ok "$name" "$* ended with $status, and said:
$out"
	fi
}

# refuses NAME PATTERN COMMAND...: it fails, not by a signal, and what it says has PATTERN (grep -E).
refuses() {
	local name=$1 pattern=$2 out status
	shift 2
	out=$("$@" 2>&1 </dev/null) && status=0 || status=$?
	if [ "$status" != 0 ] && [ "$status" -lt 128 ] && printf '%s\n' "$out" | grep -qE -e "$pattern"; then
		ok "$name"
	else
		not_ok "$name" "$* ended with $status, wanted /$pattern/, and said:
$out"
	fi
}

# status NAME N COMMAND...: it ends with N.
status() {
	local name=$1 want=$2 out got
	shift 2
	out=$("$@" 2>&1 </dev/null) && got=0 || got=$?
	if [ "$got" = "$want" ]; then ok "$name"; else
		not_ok "$name" "$* ended with $got, wanted $want, and said:
$out"
	fi
}

# prints NAME TEXT COMMAND...: it ends with 0, and its standard output is TEXT.
prints() {
	local name=$1 want=$2 out got
	shift 2
	out=$("$@" 2>"$T/.stderr" </dev/null) && got=0 || got=$?
	if [ "$got" = 0 ] && [ "$out" = "$want" ]; then ok "$name"; else
		not_ok "$name" "$* ended with $got
wanted: $want
got:    $out
stderr: $(cat "$T/.stderr")"
	fi
}

# shows NAME PATTERN COMMAND...: it ends with 0, and its standard output has PATTERN.
shows() {
	local name=$1 pattern=$2 out got
	shift 2
	out=$("$@" 2>"$T/.stderr" </dev/null) && got=0 || got=$?
	if [ "$got" = 0 ] && printf '%s\n' "$out" | grep -qE -e "$pattern"; then ok "$name"; else
		not_ok "$name" "$* ended with $got, wanted /$pattern/
got:    $out
stderr: $(cat "$T/.stderr")"
	fi
}

# eventually SECONDS COMMAND...: until it ends with 0.
eventually() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# works WALL: does this wall run here? What doesn't is to be skipped.
works() {
	brig doctor --json 2>/dev/null </dev/null |
		jq -e --arg w "$1" '.walls[] | select(.name == $w) | .works' >/dev/null
}

# wanted NAME: does it hold one of the words in 'only', if there are any?
wanted() {
	local name
	[ ${#only[@]} -gt 0 ] || return 0
	for name in "${only[@]}"; do
		[[ $1 != *$name* ]] || return 0
	done
	return 1
}

# What was started in the background is a script's own to end; this ends what brig runs.
cleanup() {
	brig rm --all --force >/dev/null 2>&1
	brig prune --force >/dev/null 2>&1
	brig image prune --all >/dev/null 2>&1
	# what a sandbox that ended leaves is removed behind one's back, as its files belong to
	# subordinate ids
	local _
	for _ in {1..100}; do
		rm -rf "$T" 2>/dev/null && return
		sleep 0.1
	done
	unshare -r --map-auto rm -rf "$T" 2>/dev/null
	return 0
}

finish() {
	trap - EXIT
	cleanup
	echo "1..$number"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

unfinished() {
	not_ok "${0##*/} runs to its end"
	finish
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BRIG=${BRIG:-$here/../build/stage/prefix/bin/brig}
T=$(mktemp -d "${TMPDIR:-/tmp}/brig-test.XXXXXX") || exit 1
chmod 755 "$T"
if [ -z "${BRIG_HOME:-}" ]; then
	export BRIG_HOME=$T/brig
fi
PATH=$(dirname "$BRIG"):$PATH
export BRIG PATH LC_ALL=C.UTF-8 NO_COLOR=1
trap unfinished EXIT
cd "$T" || exit 1
