# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# guest-snapshot.sh - machines that are kept, and others that go on from them. Sourced by
# guest-kvm.sh.
#
# What tells a restored machine from one that started again is a number that is only in a
# program's memory, and a count that goes on.

# A sandbox that counts in memory and says so in a file of its own layer, with its number.
counting() {
	local name=$1
	shift
	ends 0 brig run -d --wall microvm -m 192m --name "$name" "$@" -- sh -c \
		'n=$(cat /proc/sys/kernel/random/uuid); i=0
		while :; do i=$((i+1)); echo "$n $i" >/tmp/new; mv /tmp/new /tmp/count; sleep 0.05; done' || return 1
	until_true 30 brig exec "$name" -- test -s /tmp/count
}

count_of() { brig exec "$1" -- cat /tmp/count; }

# same_but_on NAME NONCE COUNT: it has that number, and counts on from there
same_but_on() {
	local now
	now=$(count_of "$1") || return 1
	[ "${now% *}" = "$2" ] && [ "${now#* }" -ge "$3" ] && [ "${now#* }" -lt $(($3 + 2000)) ] && return 0
	echo "$1 says '$now', after '$2 $3'"
	return 1
}

keeps_and_restores() {
	local was a b c
	brig rm -f one two three >/dev/null 2>&1
	counting one --cpus "$1" || return 1
	ends 0 brig snapshot one "snap$1" || return 1
	cat $err
	was=$(count_of one)
	ends 0 brig snapshot ls && cat $out
	# it goes on itself
	sleep 1
	same_but_on one "${was% *}" "${was#* }" || return 1
	ends 0 brig rm -f one || return 1
	ends 0 brig restore --name two "snap$1" || { tail -n 5 /root/.local/state/brig/sandboxes/two/keeper.log; return 1; }
	sleep 1
	same_but_on two "${was% *}" 1 || return 1
	prints two brig exec two -- hostname || return 1
	a=$(date +%s) b=$(brig exec two -- date +%s) c=$(date +%s)
	[ "$b" -ge $((a - 1)) ] && [ "$b" -le $((c + 1)) ] || { echo "its clock says $b between $a and $c"; return 1; }
	brig exec two -- sh -c '! dmesg 2>/dev/null | grep "lockup\|stalls\|BUG:"' || return 1
	# and a copy of the copy
	ends 0 brig snapshot create two again && ends 0 brig restore again --name three || return 1
	same_but_on three "${was% *}" 1 || return 1
	ends 0 brig rm -f two three && ends 0 brig snapshot rm "snap$1" again
}
