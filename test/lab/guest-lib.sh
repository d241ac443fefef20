# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# guest-lib.sh - what the tests inside the lab's machines share. Sourced by bash.
#
# Each test is a line "ok - SENTENCE" or "not ok - SENTENCE"; lines with '#' explain.

export PATH=/opt/brig/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root
LAB=/opt/brig/lab
G=/sys/fs/cgroup
W=/var/tmp/ws
T=/var/tmp/lab
out=$T/out err=$T/err
mkdir -p $T $W
chmod 1777 $T $W
cd $W || exit 1

ok() { echo "ok - $1"; }

skip() { echo "ok - $1 # SKIP $2"; }

# check SENTENCE COMMAND...: a test; what the command says is shown when it fails.
check() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		ok "$name"
	else
		echo "not ok - $name"
		printf '%s\n' "$said" | head -n 12 | sed 's/^/#   /'
	fi
}

# bounded in time, as everything here
brig() { timeout -k 5 60 /opt/brig/bin/brig "$@" </dev/null; }

# The same by another user: as USER brig ...; with a session's environment: as_session USER
as() {
	local user=$1
	shift
	timeout -k 5 90 setpriv --reuid "$user" --regid "$user" --init-groups env -i \
		PATH="$PATH" HOME="/home/$user" USER="$user" LC_ALL=C.UTF-8 "$@" </dev/null
}

as_session() {
	local user=$1
	shift
	as "$user" XDG_RUNTIME_DIR="/run/user/$(id -u "$user")" "$@"
}

# Ends with STATUS? What it printed is in $out and $err.
ends() {
	local want=$1 got
	shift
	"$@" >$out 2>$err
	got=$?
	[ $got = "$want" ] && return 0
	echo "ended with $got and not $want: $*"
	tail -n 5 $out $err
	return 1
}

# says PATTERN: what the last command of ends() wrote to its standard error.
says() {
	grep -Eq -e "$1" $err && return 0
	echo "no /$1/ in:"
	cat $err
	return 1
}

prints() {
	local want=$1 got
	shift
	got=$("$@" 2>$err)
	[ "$got" = "$want" ] && return 0
	printf 'printed %q and not %q: %s\n' "$got" "$want" "$*"
	cat $err
	return 1
}

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1)) said
	shift
	while ! said=$("$@" 2>&1); do
		[ $SECONDS -lt $end ] || {
			echo "$said"
			echo "not in time: $*"
			return 1
		}
		sleep 0.1
	done
}

# The group of a sandbox, wherever it is.
group_of() { find $G -type d -path "*/brig/$1-*" -prune 2>/dev/null | head -n 1; }

group_is_gone() { [ -z "$(group_of "$1")" ]; }

has() {
	local got
	got=$(cat "$1/$2" 2>&1)
	[ "$got" = "$3" ] && return 0
	echo "$1/$2: '$got' and not '$3'"
	return 1
}

# number KEY: of the first row of 'brig stats --json' on standard input
number() { grep -o "\"$1\": *[0-9]*" | head -n 1 | grep -o '[0-9]*$'; }
