#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# workloads.sh [OPTION...] PREFIX - what agents do all day, behind each wall and beside others.
#
#	--quick			fewer rounds
#	--rounds N		so many (9)
#	--walls A,B		of: native bwrap container sentry runsc
#	--rows A,B		only workloads and small things whose name holds one of these
#	--parts A,B		of: start idle work micro
#	--idle A,B		how many sandboxes side by side for their memory (1,10,100)
#	--write			the table goes to doc/bench-walls.md as well
#
# PREFIX is an installed tree. All have the machine's own programs as their root and a directory
# of the disk's as their workspace. Every round runs each row behind each wall, one after the
# other, so that figures of one row may be compared and those of two runs may not; given is the
# median. Workloads are timed inside (src/measure): what carries a command in is not in the figure.
# Root, as runsc wants it. What was started here is ended here.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench/lib.sh
. "$here/lib.sh"
# shellcheck source=bench/peers.sh
. "$here/peers.sh"
# shellcheck source=bench/walls.sh
. "$here/walls.sh"

rounds=9 walls='native bwrap container sentry runsc' rows='' parts='start idle work micro'
counts='1 10 100' write='' prefix='' everybody=''
usage() { sed -n '/^# workloads.sh/,/^#	--write/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
while [ $# -gt 0 ]; do
	case $1 in
	--quick) rounds=3 counts='1 10' ;;
	--write) write=yes ;;
	--rounds) rounds=${2:?} && shift ;;
	--walls) walls=${2//,/ } && shift ;;
	--rows) rows=$2 && shift ;;
	--parts) parts=${2//,/ } && shift ;;
	--idle) counts=${2//,/ } && shift ;;
	-*) usage ;;
	*) prefix=$(readlink -f "$1") || exit 2 ;;
	esac
	shift
done
brig=$prefix/bin/brig measure=$prefix/libexec/brig/brig-measure
[ -x "$brig" ] || { echo "bench: '$brig' is not there: build and install it first" >&2 && exit 2; }
[ "$(id -u)" = 0 ] || { echo "bench/workloads.sh takes root: runsc and control groups do" >&2 && exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/brig-walls.XXXXXX") || exit 1
chmod 711 "$work"
clean_up() {
	# whoever is in a hurry waits for this
	trap '' INT TERM
	end_walls
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

has() { # has WORD LIST
	case " $2 " in *" $1 "*) return 0 ;; esac
	return 1
}

row_wanted() {
	local name
	[ -n "$rows" ] || return 0
	while read -rd , name; do
		[[ $1 != *$name* ]] || return 0
	done <<<"$rows,"
	return 1
}

# ---- the workloads, of which brig compare has some too

names=() befores=() commands_of=()
while IFS=$'\t' read -r _ name _ before command; do
	names+=("$name") befores+=("$before") commands_of+=("$command")
done < <("$prefix/libexec/brig/brig-workloads" list)

# ---- the parts; each leaves lines ROW <TAB> WALL <TAB> FIGURE in $work/figures-PART

# figure PART ROW WALL NUMBER
figure() { [[ ! $4 =~ ^[0-9.]+$ ]] || printf '%s\t%s\t%s\n' "$2" "$3" "$4" >>"$work/figures-$1"; }

do_start() {
	local round wall
	note "the first byte of output, $((rounds * 2)) rounds"
	for round in $(seq $((rounds * 2))); do
		for wall in $walls; do
			start_words "$wall" "$round" /bin/echo ready || continue
			figure start 'first byte of output' "$wall" \
				"$(cd "$work/ws-$wall" && timeout 60 "$measure" first -- "${words[@]}" 2>/dev/null </dev/null)"
		done
	done
}

do_work() {
	local round wall i
	for round in $(seq 0 "$rounds"); do
		note "workloads, round $round of $rounds"
		for i in "${!names[@]}"; do
			row_wanted "${names[$i]}" || continue
			for wall in $walls; do
				work_one "$wall" "$i"
				# round 0 warms up
				[ "$round" = 0 ] || figure work "${names[$i]}" "$wall" "$took"
			done
		done
	done
}

work_one() { # work_one WALL ROW: sets took
	enter_words "$1"
	took=$(cd "$work/ws-$1" && timeout 120 "${words[@]}" ./brig-measure time -b "${befores[$2]}" -- \
		sh -c "${commands_of[$2]}" 2>"$work/why" </dev/null | tail -n 1)
	[ -n "$took" ] || told "$1, ${names[$2]}: it fails: $(tail -n 1 "$work/why")"
}

do_micro() {
	local round wall name ns
	for round in $(seq "$rounds"); do
		note "small things, round $round of $rounds"
		for wall in $walls; do
			enter_words "$wall" || continue
			while IFS=$'\t' read -r name ns; do
				! row_wanted "$name" || figure micro "$name" "$wall" "$ns"
			done < <(cd "$work/ws-$wall" && timeout 120 "${words[@]}" ./brig-measure micro 2>/dev/null </dev/null)
			for name in 1 2; do
				! row_wanted threads || figure micro "$name threads that count" "$wall" \
					"$(timeout 60 "${words[@]}" ./brig-measure burn "$name" 2>/dev/null </dev/null)"
			done
		done
	done
}

do_idle() {
	local n wall
	# beside another of its kind one would share that one's pages
	end_walls
	for wall in $walls; do
		[ "$wall" != native ] || continue
		for n in $counts; do
			note "memory of $n idle sandboxes: $wall"
			idle_start "$wall" "$n" || { told "$wall: $n idle sandboxes did not start in time" && break; }
			sleep 2
			figure idle "PSS of each of $n" "$wall" "$(idle_pss "$wall" "$n")"
			idle_end "$wall"
		done
		idle_end "$wall"
	done
	for wall in $walls; do
		begin_one "$wall" >/dev/null || told "$wall: it does not start again"
	done
}

# ---- the report

# table PART SCALE DIGITS: medians, with how often runsc's (or else native's) behind.
table() {
	[ -s "$work/figures-$1" ] || return
	printf '| |'; for wall in $walls; do printf ' %s |' "$wall"; done; echo
	printf '|---|'; for wall in $walls; do printf -- '---:|'; done; echo
	awk -F '\t' -v walls="$walls" -v scale="$2" -v digits="$3" '
		{ if (!($1 in seen)) { seen[$1] = 1; order[++k] = $1 }
			v[$1, $2, ++n[$1, $2]] = $3 }
		function median(r, w,  c, a, b, t) { c = n[r, w]; if (!c) return ""
			for (a = 1; a <= c; a++) for (b = a + 1; b <= c; b++)
				if (v[r, w, b] < v[r, w, a]) { t = v[r, w, a]; v[r, w, a] = v[r, w, b]; v[r, w, b] = t }
			return c % 2 ? v[r, w, (c + 1) / 2] : (v[r, w, c / 2] + v[r, w, c / 2 + 1]) / 2 }
		END { m = split(walls, wall, " ")
			for (i = 1; i <= k; i++) { r = order[i]; base = median(r, "runsc")
				printf "| %s |", r
				for (j = 1; j <= m; j++) { x = median(r, wall[j])
					if (x == "") { printf " – |"; continue }
					printf " %." digits "f", x / scale
					if (base != "" && wall[j] != "runsc" && wall[j] != "native") printf " (%.2f)", x / base
					printf " |" }
				print "" } }' "$work/figures-$1"
	echo
}

report() {
	echo '# Walls beside each other'
	echo
	echo "Made by bench/workloads.sh: in turns within one run, medians of $rounds rounds (starts: twice as many),"
	echo 'as root. In brackets: as a share of runsc. All see the machine'"'"'s own programs; the workspace is'
	echo 'a directory of its disk.'
	echo
	machine
	[ -z "$skipped" ] || printf '\nNot measured:\n%s\n' "$skipped"
	if has start "$parts"; then
		printf '\n## Start: from the call to the first byte of output, ms\n\n' && table start 1000000 1
	fi
	if has idle "$parts"; then
		printf '\n## Memory: PSS of everything of an idle sandbox, MiB\n\n' && table idle 1 1
	fi
	if has work "$parts"; then printf '\n## Workloads, ms\n\n' && table work 1000000 1; fi
	if has micro "$parts"; then printf '\n## Small things, µs\n\n' && table micro 1000 2; fi
}

note 'making what is worked on'
begin_walls
[ -n "$walls" ] || exit 1
for part in $parts; do
	"do_$part"
done
report >"$work/bench-walls.md"
publish bench-walls.md
