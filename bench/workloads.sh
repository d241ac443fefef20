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
# median. Workloads are timed inside (sysb.c): what carries a command in is not in the figure.
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
brig=$prefix/bin/brig
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

# ---- the workloads

names=() befores=() commands_of=()
# row NAME BEFORE COMMAND: what BEFORE takes isn't timed
row() { names+=("$1") befores+=("$2") commands_of+=("$3"); }

# shellcheck disable=SC2016 # the shell inside expands
{
	row 'bash -c true' '' 'exec bash -c true'
	row '100 × fork and exec' '' 'i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done'
	row 'python3, imports' '' 'exec python3 -c "
import json, http.client, sqlite3, ssl, asyncio, subprocess, email.mime.text, unittest"'
	row 'node -e 0' '' 'exec node -e 0'
	row 'npm --version' '' 'exec npm --version'
	row 'git clone and status' 'rm -rf clone' \
		'git clone -q --no-hardlinks repo clone && git -C clone status'
	row 'gcc -O2 hello' '' 'exec gcc -O2 -o hello hello.c'
	row 'untar 2,000 files' 'rm -rf out; mkdir out' 'exec tar -xf files.tar -C out'
	row 'grep -r, 3,400 files' '' '! grep -rq needle tree'
	row 'python3, a loop' '' 'exec python3 -c "
n = 0
for i in range(3000000):
    n += i"'
	row 'make -j1, 30 files' 'make -sC build clean' 'exec make -sj1 -C build'
	row 'make -j2, 30 files' 'make -sC build clean' 'exec make -sj2 -C build'
	row 'npm install, offline' 'rm -rf app/node_modules app/package-lock.json' \
		'cd app && exec npm install --silent --offline --no-audit --no-fund ./lib.tgz'
}

# What they work on, in directory $1.
make_data() {
	local i
	mkdir -p "$1" && cd "$1" || return
	mkdir -p many tree build app/lib
	for i in $(seq 2000); do
		mkdir -p "many/d$((i / 50))"
		head -c $((i * 7 % 4000 + 100)) "$here/lib.sh" >"many/d$((i / 50))/f$i"
	done
	tar -cf files.tar many && rm -r many
	for i in $(seq 3400); do
		mkdir -p "tree/d$((i / 100))"
		head -c 4000 "$here/spawn.c" >"tree/d$((i / 100))/f$i.c"
	done
	{
		git init -q repo && cd repo && cp -r ../tree/d[0-4] . && git add . &&
			git -c user.name=b -c user.email=b@example.com commit -qm all && cd ..
	} || return
	printf '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' >hello.c
	for i in $(seq 30); do
		printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/socket.h>\n' >"build/f$i.c"
		for j in $(seq 6); do
			printf 'int f%d_%d(int x, char *s) { for (int i = 0; i < x; i++) s[i] = (char)(i * %d + (int)strlen(s)); return atoi(s); }\n' \
				"$i" "$j" "$j" >>"build/f$i.c"
		done
	done
	printf 'OBJ := $(patsubst %%.c,%%.o,$(wildcard *.c))\nall: $(OBJ)\n%%.o: %%.c\n\tgcc -O2 -c -o $@ $<\nclean:\n\trm -f *.o\n' \
		>build/Makefile
	echo '{ "name": "lib", "version": "1.0.0", "main": "i.js" }' >app/lib/package.json
	echo '{ "name": "app", "version": "1.0.0" }' >app/package.json
	for i in $(seq 100); do echo "module.exports = $i" >"app/lib/$i.js"; done
	(cd app && npm pack --silent ./lib >/dev/null && mv lib-1.0.0.tgz lib.tgz)
	cp "$work/sysb" sysb
	cd "$work" || return
}

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
				"$(cd "$work/ws-$wall" && timeout 60 "$work/sysb" first -- "${words[@]}" 2>/dev/null </dev/null)"
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
	took=$(cd "$work/ws-$1" && timeout 120 "${words[@]}" ./sysb time -b "${befores[$2]:-true}" -- \
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
			done < <(cd "$work/ws-$wall" && timeout 120 "${words[@]}" ./sysb micro 2>/dev/null </dev/null)
			for name in 1 2; do
				! row_wanted threads || figure micro "$name threads that count" "$wall" \
					"$(timeout 60 "${words[@]}" ./sysb burn "$name" 2>/dev/null </dev/null)"
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

"${CC:-cc}" -O2 -static -pthread -D_GNU_SOURCE -std=gnu11 -o "$work/sysb" "$here/sysb.c" || exit 1
note 'making what is worked on'
begin_walls
[ -n "$walls" ] || exit 1
for part in $parts; do
	"do_$part"
done
report >"$work/bench-walls.md"
cat "$work/bench-walls.md"
if [ -n "$write" ]; then
	! [ -e "$here/../doc/bench-walls.md" ] ||
		sed -n '/^<!-- by hand/,$p' "$here/../doc/bench-walls.md" >"$work/by-hand"
	{ cat "$work/bench-walls.md"; [ ! -s "$work/by-hand" ] || { echo; cat "$work/by-hand"; }; } \
		>"$here/../doc/bench-walls.md"
fi
