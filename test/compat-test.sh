#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# compat-test.sh [NAME...] - what programs do all day works inside: every probe of the folder
# compat, or those whose names hold a NAME, behind every wall of $COMPAT_WALLS (container, and
# sentry where it runs).
#
# A probe is a program (C, Python, node or bash) that runs in a directory of its own and ends
# with 0 when all of it worked, 77 when it can't be tried here. Its first comment says:
#
#	Probe:	what works, as a sentence
#	Expect:	container=no sentry=yes		"no": this wall refuses it, and must
#	Needs:	programs that must be there
#	In:	workspace tmp			where it runs; each is a test of its own
#	Time:	seconds it may take, 60 if it doesn't say
#	As:	root				who it runs as inside; otherwise brig's own choice
#	Native:	never				it would change this machine
#	Setup:	rust				a function setup_rust below
#
# It runs on this machine first. What fails there is a lack of the machine, is said aloud, and
# skipped: only what works outside and not inside is a wall's fault. Its output is the detail.
#
# run as: root
# time: 900

. "$(dirname "$0")/lib.sh"
. "$here/life-lib.sh"
folder=$here/compat
P=$T/probes
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

field() { # field NAME FILE: the first line of its comment that says NAME
	sed -nE "1,20s@^(#|//| \*) $1: *@@p" "$2" | head -n 1
}

# ---- what a probe needs of this machine

setup_rust() { # a toolchain in somebody's home is shown inside
	local rustc root
	for rustc in "$(command -v rustc)" "$HOME/.cargo/bin/rustc" /root/.cargo/bin/rustc; do
		[ -n "$rustc" ] && root=$("$rustc" --print sysroot 2>/dev/null) && [ -r "$root/bin/rustc" ] && break
		root=
	done
	[ -n "$root" ] || { why="there is no rustc"; return 1; }
	native_path=$root/bin:$path
	# without its documentation, which nobody reads here
	options+=(-v "$root:$root:ro" -e "PATH=$root/bin:$path")
}

lacks() { # lacks FILE: what isn't there of what it needs
	local word
	for word in $(field Needs "$1"); do
		PATH=$path command -v "$word" >/dev/null || { echo "$word isn't there"; return; }
	done
}

compile() {
	local file name
	mkdir -p "$P"
	cp "$folder"/* "$P"
	command -v "${CC:-cc}" >/dev/null || return
	for file in "$folder"/*.c; do
		name=${file##*/}
		wanted "$name" || continue
		"${CC:-cc}" -O1 -w -D_GNU_SOURCE -std=gnu11 -pthread -o "$P/${name%.c}" "$file" -lrt ||
			not_ok "$name compiles"
	done
	chmod -R a+rX "$P"
}

command_of() { # command_of FILE: sets command
	local name=${1##*/}
	case $name in
	*.c) command=("$P/${name%.c}") ;;
	*.py) command=(python3 "$P/$name") ;;
	*.mjs) command=(node "$P/$name") ;;
	*.sh) command=(bash "$P/$name") ;;
	esac
}

# ---- running one

natively() { # natively FILE: works | fails WHY | can't WHY; root's are brig's word alone otherwise
	local out got dir=$T/native seconds
	[ "$(field Native "$1")" != never ] || return 0
	[ "$(field As "$1")" != root ] || [ "$(id -u)" = 0 ] || return 0
	seconds=$(field Time "$1")
	mkdir -p "$dir/home" "$dir/tmp" "$dir/ws"
	chmod 755 "$dir"
	out=$(cd "$dir/ws" && timeout -k 5 "${seconds:-60}" env -i "PATH=$native_path" "HOME=$dir/home" "TMPDIR=$dir/tmp" \
		LC_ALL=C.UTF-8 TERM=dumb PROBE_NATIVE=1 nice "${command[@]}" 2>&1 </dev/null) && got=0 || got=$?
	rm -rf "$dir"
	case $got in
	0) return 0 ;;
	77) why=$(tail -n 1 <<<"$out") ;;
	124 | 137) why="it takes longer than ${seconds:-60} seconds on this machine, without a sandbox" ;;
	*) why="it fails on this machine, without a sandbox: $(tail -n 1 <<<"$out" | cut -c 1-160)" ;;
	esac
	return 1
}

inside() { # inside FILE WHERE: sets out; its status
	local seconds dir=$T/run-$number at=()
	seconds=$(field Time "$1")
	mkdir -p "$dir"
	[ "$2" = workspace ] || at=(-w /tmp)
	[ "$(field As "$1")" != root ] || at+=(-u root)
	# a wall on a machine with two processors may take three times as long
	out=$(timeout -k 10 "$((${seconds:-60} * 3 / 2))" "$BRIG" run --rm -q --wall "$wall" --net none "${at[@]}" \
		"${options[@]}" -e LC_ALL=C.UTF-8 -v "$P:$P:ro" "$dir" -- "${command[@]}" 2>&1 </dev/null)
	got=$?
	rm -rf "$dir" 2>/dev/null || unshare -r --map-auto rm -rf "$dir"
	return "$got"
}

judge() { # judge FILE WHERE EXPECTED
	local says out got
	says="[$wall] $(field Probe "$1")"
	[ "$2" = workspace ] || says="$says (in /tmp)"
	inside "$1" "$2" && got=0 || got=$?
	if [ "$got" = 125 ]; then
		not_ok "$says" "brig could not start it:
$out"
	elif [ "$3" = no ]; then
		# the expectation would be wrong, or a wall has a hole
		if [ "$got" != 0 ]; then ok "$says: refused, as it must be"; else
			not_ok "$says: refused" "it works, and ${1##*/} says that it must not"
		fi
	elif [ "$got" = 77 ]; then
		skip "$says" "$(tail -n 1 <<<"$out")"
	elif [ "$got" = 0 ]; then
		ok "$says"
	else
		not_ok "$says" "${1##*/} ended with $got:
$(tail -n 25 <<<"$out")"
	fi
}

expected() { # expected FILE: of $wall; walls it doesn't name are as container
	local word what=
	for word in $(field Expect "$1"); do
		[ "${word%%=*}" = "$wall" ] && { echo "${word#*=}"; return; }
		[ "${word%%=*}" != container ] || what=${word#*=}
	done
	echo "$what"
}

probe() { # probe FILE
	local command options=() native_path=$path why where name=${1##*/} setup
	command_of "$1"
	setup=$(field Setup "$1")
	why=$(lacks "$1")
	if [ -n "$why" ] || { [ -n "$setup" ] && ! "setup_$setup"; } || ! natively "$1"; then
		skip "${name%.*}: $(field Probe "$1")" "$why"
		return
	fi
	where=$(field In "$1")
	for wall in $walls; do
		for where in ${where:-workspace}; do
			judge "$1" "$where" "$(expected "$1")"
		done
		where=$(field In "$1")
	done
}

only=("$@")
walls=
for wall in ${COMPAT_WALLS:-container sentry}; do
	if said=$(timeout -k 5 60 "$BRIG" run --rm -q --wall "$wall" --net none -- true 2>&1 </dev/null); then
		walls+=" $wall"
	else
		skip "the $wall wall" "it doesn't run here: $(head -n 1 <<<"$said")"
	fi
done
if [ -n "$walls" ]; then
	compile
	for file in "$folder"/*.c "$folder"/*.py "$folder"/*.mjs "$folder"/*.sh; do
		! wanted "${file##*/}" || probe "$file"
	done
fi
finish
