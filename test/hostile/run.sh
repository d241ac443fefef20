#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [NAME...] - every escape attempt of this folder, or those whose names hold a NAME,
#	against every wall; WALLS="..." for some.
# run.sh --markdown FILE... - the matrix, from results that HOSTILE_RESULTS=FILE kept.
#
# An attempt is a C program that runs inside the sandbox (hostile.h), or a bash script
# that runs outside and makes sandboxes of its own (functions escaped, stopped, untried
# and sandbox below). It ends with 0 when it got out, 1 when it was stopped, 77 when it
# can't be tried here. Its first comment says:
#
#	Trick:	what is done
#	Gain:	what it would be good for
#	Expect:	chroot=escapes nspawn=stops container=stops
#	Expect user: ...	where it differs for one of the roles below; "any" where it
#			hangs on a setting of the host
#	Options:	more options for brig run
#	Under:	what of the caller's is around brig: keyring, terminal, descriptors
#	Setup:	git: the workspace is a repository
#	Expect "own": it gets at the kernel below, and that kernel is the sandbox's own
#	Refusal:	stops: that brig says it can't is as good
#	Layer:	what of a wall stops it; "Layer container", "Layer chroot" where another does
#	Harm chroot:	why brig compare --probes leaves it out there, on a person's machine
#
# The roles: "root", brig run by root; "user", the working user of a sandbox of an
# ordinary user with subordinate ids; "user-root", root in there; "plain", an ordinary
# user without subordinate ids, who is root inside.
#
# Whoever gets out where it must be stopped fails the test; so does what is stopped where
# a wall is expected to be open, for then the attempt, or what is said of the wall, is
# wrong. The host's side is looked at too, whatever the attempt says.
#
# run as: root range plain
# time: 1200
# alone: yes
set -u
folder=$(cd "$(dirname "$0")" && pwd)

# ---- the matrix

field() { # field NAME FILE: its text, joined
	awk -v name="$1:" '
		{ line = $0; sub(/^[ \t]*[*#]+[ \t]?/, "", line) }
		index(line, name) == 1 { on = 1; text = substr(line, length(name) + 2); next }
		on && (line == "" || line ~ /^[A-Z][a-z]+( [a-z-]+)?:/ || line ~ /^\/$/) { exit }
		on { text = text " " line }
		END { print text }' "$2"
}

cell() { # cell WALL NAME: what it came to in all roles
	awk -F'\t' -v w="$1" -v n="$2" '
		function words(s) { sub(/ /, "", s); gsub(/ /, ", ", s); return s }
		$2 == w && $3 == n { if ($4 == "escapes") out = out " " $1
			else if ($4 == "own") own = 1
			else if ($4 == "stops") in_ = in_ " " $1 }
		END {
			if (out != "" && in_ != "") print "**out** as " words(out)
			else if (out != "") print "**out**"
			else if (own) print "its own kernel"
			else if (in_ != "") print "stopped"
			else print "–"
		}' "${results[@]}"
}

markdown() {
	local name file trick
	results=("$@")
	echo "| attempt | what is tried | chroot | nspawn | container | sentry |"
	echo "|---|---|---|---|---|---|"
	cut -f3 "$@" | sort -u | while read -r name; do
		file=$(grep -ls 'Expect:' "$folder/$name".*)
		trick=$(field Trick "$file")
		trick=${trick%%. *}
		printf '| `%s` | %s | %s | %s | %s | %s |\n' "$name" "${trick//|/\\|}" \
			"$(cell chroot "$name")" "$(cell nspawn "$name")" "$(cell container "$name")" \
			"$(cell sentry "$name")"
	done
}

if [ "${1:-}" = --markdown ]; then
	shift
	markdown "$@"
	exit
fi

# ---- for attempts that run outside

escaped() { echo "escaped: $*"; exit 0; }
stopped() { echo "stopped: $*"; exit 1; }
untried() { echo "untried: $*"; exit 77; }
# sandbox OPTIONS... [-- CMD...]: brig run with this turn's wall and user
sandbox() {
	# shellcheck disable=SC2086 # no word, or "-u root"
	timeout -k 5 60 "$BRIG" run --rm --wall "$WALL" $AS "$@" </dev/null
}
export -f escaped stopped untried sandbox

. "$folder/../lib.sh"
export -f eventually
export T

# ---- the host's side

prepare() {
	local cc=${CC:-cc} source
	command -v "$cc" >/dev/null || { skip "the escape attempts" "there is no C compiler"; finish; }
	mkdir -p "$T/bin" "$OUT/ro"
	for source in "$folder"/*.c; do
		source=${source##*/}
		echo "'$cc' -O1 -static -w -o '$T/bin/${source%.c}' '$folder/$source'"
	done | xargs -P "$(nproc)" -I{} sh -c '{}' || {
		not_ok "the escape attempts compile"
		finish
	}
	# a name that ls /proc inside can look for
	mv "$T/bin/host" "$T/hostile-host"
	printf 'brig-secret-%s\n' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" >"$OUT/secret"
	chmod 600 "$OUT/secret"
	warder=${BRIG_LIBEXEC:-$(dirname "$BRIG")/../libexec/brig}/brig-warder
	warder_sum=$(sha256sum <"$warder")
	serve
}

serve() {
	rm -f "$OUT/socket" "$T/served"
	"$T/hostile-host" serve "$OUT" >"$T/served" 2>&1 &
	server=$!
	eventually 5 grep -q HOST_SHM "$T/served" || { not_ok "the host's side starts"; finish; }
	set -a
	. "$T/served"
	set +a
}

reset() {
	rm -rf "$WS" 2>/dev/null || unshare -r --map-auto rm -rf "$WS"
	rm -rf "${OUT:?}"/{victim,victim-repo,image,home,into}
	mkdir "$WS"
	[ "$1" != git ] || git init -q "$WS"
	echo canary >"$OUT/canary"
	echo canary >"$OUT/ro/file"
	rm -f "$T/typed"
}

# What an attempt did to the host, whatever it says itself; nothing when all is well.
damage() {
	[ "$(cat "$OUT/canary" 2>/dev/null)" = canary ] || echo "the host's file was changed"
	[ "$(cat "$OUT/ro/file" 2>/dev/null)" = canary ] || echo "the ':ro' file was changed"
	[ "$(sha256sum <"$warder")" = "$warder_sum" ] || echo "brig's warder was changed"
	[ ! -s "$T/typed" ] || echo "the caller's terminal was typed into"
	kill -0 "$server" 2>/dev/null || echo "the host's process is gone"
}

expected() { # expected FILE; what stops at the container wall does so at a stronger one
	local line word wall what=
	for wall in container "$WALL"; do
		for line in "$(field Expect "$1")" "$(field "Expect $ROLE" "$1")"; do
			for word in $line; do
				[ "${word%%=*}" != "$wall" ] || what=${word#*=}
			done
		done
	done
	echo "$what"
}

run_inside() { # run_inside FILE NAME
	local under=() options name
	case $(field Under "$1") in
	keyring) under=("$T/hostile-host" keyring "$OUT") ;;
	terminal) under=("$T/hostile-host" terminal "$T/typed") ;;
	esac
	# shellcheck disable=SC2206,SC2207 # words on purpose
	options=($AS $(field Options "$1"))
	for name in SECRET_FILE CANARY_FILE CANARY_PID RO_DIR HOST_PORT HOST_ABSTRACT HOST_SHM \
		HOST_NAME HOST_SOCKET BRIG_RUN; do
		options+=(-e "$name=${!name}")
	done
	[ "$(field Under "$1")" != terminal ] || options+=(-e CALLER_TTY)
	if [ "$(field Under "$1")" = descriptors ]; then
		exec 7<"$OUT/secret" 8<"$OUT" 9<"$OUT/.."
	fi
	timeout -k 5 60 "${under[@]}" "$BRIG" run --rm -q --wall "$WALL" "${options[@]}" \
		-v "$T/bin:/hostile:ro" -v "$OUT/ro:$OUT/ro:ro" "$WS" -- "/hostile/$2" </dev/null
}

judge() { # judge FILE NAME STATUS OUTPUT: sets result and detail
	local harm
	harm=$(damage | head -n 1)
	detail=$(printf '%s\n' "$4" | tr -d '\r' | grep -aE '^(escaped|stopped|untried): ' | tail -n 1)
	detail=${detail#*: }
	case $3 in
	0) result=escapes ;;
	1) result=stops ;;
	77) result=untried ;;
	125) result=broken
		if [ "$(field Refusal "$1")" = stops ]; then
			result=stops
			detail="refused: $(printf '%s\n' "$4" | grep -a '^brig: ' | head -n 1)"
		fi ;;
	*) result=broken ;;
	esac
	# a status that the attempt itself has not put in words is somebody else's
	[ -n "$detail" ] || result=broken
	# it got at a kernel, and that is the sandbox's own
	[ "$want" != own ] || [ "$result" != escapes ] || result=own
	[ -z "$harm" ] || { result=escapes detail=$harm; }
	[ -n "$detail" ] || detail="ended with $3: $(printf '%s\n' "$4" | tail -n 3)"
}

attempt() { # attempt FILE
	local file=$1 name output status want result detail says
	name=${file##*/}
	name=${name%.*}
	want=$(expected "$file")
	reset "$(field Setup "$file")"
	case $file in
	*.c) output=$(cd "$T" && run_inside "$file" "$name" 2>&1) && status=0 || status=$? ;;
	*) output=$(cd "$T" && timeout -k 5 120 bash "$file" 2>&1) && status=0 || status=$? ;;
	esac
	judge "$file" "$name" "$status" "$output"
	kill -0 "$server" 2>/dev/null || serve
	says="$name: $WALL $want, as $ROLE"
	[ -z "${HOSTILE_RESULTS:-}" ] ||
		printf '%s\t%s\t%s\t%s\t%s\n' "$ROLE" "$WALL" "$name" "$result" "$detail" >>"$HOSTILE_RESULTS"
	if [ "$result" = untried ]; then
		skip "$name against $WALL, as $ROLE" "$detail"
	elif [ "$result" = broken ]; then
		not_ok "$says" "it ended with $status:
$output"
	elif [ "$want" = any ] || [ "$result" = "$want" ] || [ "$want-$result" = own-stops ]; then
		ok "$name: $WALL $result, as $ROLE"
		echo "#   $detail"
	else
		not_ok "$says" "it $result: $detail"
	fi
}

only=("$@")
OUT=$T/out WS=$T/ws HOST_NAME=$(uname -n)
SECRET_FILE=$OUT/secret CANARY_FILE=$OUT/canary RO_DIR=$OUT/ro HOST_SOCKET=$OUT/socket
BRIG_RUN=$BRIG_HOME/run
export OUT WS HOST_NAME SECRET_FILE CANARY_FILE RO_DIR HOST_SOCKET BRIG_RUN WALL ROLE AS
export HOSTILE=$folder
if [ "$(id -u)" = 0 ]; then
	roles=(root)
elif grep -qs "^$(id -un):" /etc/subuid; then
	roles=(user user-root)
else
	roles=(plain)
fi

prepare
for WALL in ${WALLS:-chroot nspawn container sentry}; do
	if ! "$BRIG" run --rm -q --wall "$WALL" "$T/bin" -- true >"$T/said" 2>&1 </dev/null; then
		skip "the $WALL wall" "it doesn't run here: $(head -n 1 "$T/said")"
		continue
	fi
	for ROLE in "${roles[@]}"; do
		AS=
		[ "$ROLE" != user-root ] || AS="-u root"
		for file in "$folder"/*.c "$folder"/*.bash; do
			# without it, a program that an attempt makes use of
			grep -qs 'Expect:' "$file" || continue
			name=${file##*/}
			wanted "${name%.*}" || continue
			attempt "$file"
		done
	done
done
left=$("$BRIG" ls -q --running 2>&1)
if [ -z "$left" ]; then ok "no sandbox runs on"; else not_ok "no sandbox runs on" "$left"; fi
kill "$server" 2>/dev/null
wait "$server" 2>/dev/null
finish
