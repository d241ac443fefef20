# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# life-lib.sh - what the tests of the life cycle share beyond lib.sh: checks that can stand
# inside a function, and a look at what is left behind. Sourced by bash after lib.sh.
#
# Sets W (the workspace, the current directory), TAG (in every name, so that control groups
# can be told from others'), and a BRIG_HOME of the script's own. The functions print why
# when they fail.

W=$T/ws TAG=t$$
O=$T/stdout E=$T/stderr
export BRIG_HOME=$T/home
mkdir -p "$W" "$BRIG_HOME"
chmod 711 "$T"
cd "$W" || exit 1

# brig ARG...: the program, bounded in time.
brig() { timeout -k 5 "${LIMIT:-60}" "$BRIG" "$@"; }

# ends STATUS COMMAND...: what it printed is in $O and $E.
ends() {
	local want=$1 got
	shift
	"$@" >"$O" 2>"$E"
	got=$?
	[ "$got" = "$want" ] && return 0
	echo "ended with $got and not $want: $*"
	tail -n 5 "$O" "$E"
	return 1
}

# fails PATTERN COMMAND...: with 125 and a message that has PATTERN.
fails() {
	local pattern=$1
	shift
	ends 125 "$@" || return 1
	grep -Eq -e "$pattern" "$E" && return 0
	echo "no /$pattern/ in:"
	cat "$E"
	return 1
}

# says TEXT COMMAND...: prints exactly this (but for the last newline) and succeeds.
says() {
	local want=$1 got
	shift
	got=$("$@" 2>"$E") || {
		echo "ended with $?: $*"
		cat "$E"
		return 1
	}
	[ "$got" = "$want" ] && return 0
	printf 'printed %q and not %q: %s\n' "$got" "$want" "$*"
	cat "$E"
	return 1
}

# with_input TEXT COMMAND...
with_input() {
	local text=$1
	shift
	printf '%s\n' "$text" | "$@"
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

# until_true SECONDS COMMAND...: what it said last is shown when it never is.
until_true() {
	local end=$((SECONDS + $1)) said
	shift
	until said=$("$@" 2>&1); do
		[ $SECONDS -lt "$end" ] || {
			printf '%s\nnot in time: %s\n' "$said" "$*"
			return 1
		}
		sleep 0.05
	done
}

gone() { ! [ -e "$1" ]; }

# Processes of sandboxes of this home: keepers by their environment, all others by their
# mount namespace, whose root comes from beneath it.
leftover_processes() {
	python3 - "$BRIG_HOME" <<-'END'
		import os, sys
		home = sys.argv[1]
		own = os.stat("/proc/self/ns/mnt").st_ino
		ours = {own: False}

		def text(*path):
		    with open("/".join(("/proc",) + path), "rb") as f:
		        return f.read().decode(errors="replace")

		for pid in filter(str.isdigit, os.listdir("/proc")):
		    try:
		        ns = os.stat(f"/proc/{pid}/ns/mnt").st_ino
		        if ns not in ours:
		            ours[ns] = home + "/state/sandboxes" in text(pid, "mountinfo")
		        keeper = text(pid, "cmdline").startswith("brig-keeper") and \
		            f"BRIG_HOME={home}\0" in text(pid, "environ")
		        if ours[ns] or keeper:
		            print(pid, text(pid, "cmdline").replace("\0", " "))
		    except OSError:
		        pass
	END
}

leftover_groups() { find /sys/fs/cgroup -path '*/brig/*' -type d -name "*$TAG*" 2>/dev/null; }

# Nothing of this home is left running, mounted, limited or listening?
nothing_left() {
	local said
	said=$(
		leftover_processes
		leftover_groups
		grep -F "$T" /proc/self/mountinfo
		ls "$BRIG_HOME/run" 2>/dev/null
	)
	[ -z "$said" ] && return 0
	echo "left: $said"
	return 1
}

# Ends what this script's sandboxes left in spite of everything, by its id, and says so.
end_leftovers() {
	local pid what
	brig rm --all --force >/dev/null 2>&1
	leftover_processes | while read -r pid what; do
		not_ok "process $pid ($what) has ended"
		kill -KILL "$pid"
	done
}
