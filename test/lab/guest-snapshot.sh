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

# What programs do when it happens: files that are open and written to, a pipe, a removed file, a
# listing half read, a connection inside.
under_way() {
	local name
	rm -rf $W/box && mkdir $W/box && seq 100000 >$W/box/lines
	brig rm -f busy busy2 >/dev/null 2>&1
	ends 0 brig run -d --wall microvm -m 192m --cpus 2 --name busy $W/box:ro -- sh -c '
		mkdir /tmp/d && cd /tmp/d && seq 500 | xargs touch
		exec 5>/tmp/log 6<'$W'/box/lines
		(i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.02; done) | while read -r l; do echo "$l" >&5; done &
		(while read -r l <&6; do n=$l; sleep 0.01; echo $n >/tmp/read.new; mv /tmp/read.new /tmp/read; done) &
		while :; do dd if=/dev/zero of=/tmp/big bs=64k count=16 2>/dev/null; ls /tmp/d | wc -l >/tmp/listed.new; mv /tmp/listed.new /tmp/listed; sleep 0.1; done' || return 1
	until_true 60 brig exec busy -- sh -c '[ -s /tmp/log ] && [ -s /tmp/read ] && [ -s /tmp/listed ]' ||
		{ brig exec busy -- sh -c 'ls -la /tmp; ps ax | tail -n 8'; brig logs busy | tail -n 3; return 1; }
	sleep 1
	ends 0 brig snapshot busy during && ends 0 brig rm -f busy && ends 0 brig restore during --name busy2 || return 1
	sleep 2
	# each goes on, and nothing is lost or doubled
	name=$(brig exec busy2 -- sh -c '
		n=$(wc -l </tmp/log); sleep 2; [ "$(wc -l </tmp/log)" -gt "$n" ] || echo "the pipe stands at $n"
		awk "{ if (\$2 != NR) { print \"line \" NR \" is \" \$0; exit } }" /tmp/log
		n=$(cat /tmp/read); sleep 2; [ "$(cat /tmp/read)" -gt "$n" ] || echo "reading stands at $n"
		[ "$(cat /tmp/listed)" = 500 ] || echo "$(cat /tmp/listed) files were listed"
		dmesg 2>/dev/null | grep "lockup\|stalls\|BUG:"; true') || return 1
	[ -z "$name" ] || { echo "$name"; return 1; }
	ends 0 brig rm -f busy2 && ends 0 brig snapshot rm during
}

forks() {
	local was name names ids randoms
	brig rm -f par >/dev/null 2>&1
	rm -rf $W/over && mkdir $W/over && echo base >$W/over/base
	counting par $W/over:overlay || return 1
	brig exec par -- sh -c "echo parent >$W/over/made" || return 1
	ends 0 brig fork par --count 3 || return 1
	cat $err
	was=$(count_of par)
	names=$(cat $out)
	[ "$(echo "$names" | wc -l)" = 3 ] || { echo "made: $names"; return 1; }
	for name in $names; do
		same_but_on "$name" "${was% *}" 1 || return 1
		prints "$name" brig exec "$name" -- hostname || return 1
		# an overlay is each one's own
		prints "base parent" brig exec "$name" -- sh -c "cd $W/over && echo \$(cat base made); echo $name >made" || return 1
	done
	for name in $names; do prints "$name" brig exec "$name" -- cat $W/over/made || return 1; done
	prints parent brig exec par -- cat $W/over/made || return 1
	[ ! -e $W/over/made ] || return 1
	# nor do two draw the same numbers
	randoms=$(for name in par $names; do brig exec "$name" -- head -c 16 /dev/urandom | od -An -tx1; done | sort -u | wc -l)
	[ "$randoms" = 4 ] || { echo "$randoms different numbers"; return 1; }
	# a child of a child
	name=$(echo "$names" | head -n 1)
	ends 0 brig fork "$name" && same_but_on "$(cat $out)" "${was% *}" 1 || return 1
	ends 0 brig rm -f par $names "$(cat $out)"
}

refusals() {
	rm -rf $W/box && mkdir $W/box
	brig rm -f one con >/dev/null 2>&1
	counting one $W/box || return 1
	ends 125 brig fork one && says 'shared read-write' || return 1
	ends 0 brig snapshot one keep || return 1
	ends 125 brig snapshot one keep && says 'exists already' || return 1
	ends 125 brig restore keep && says "sandbox 'one' exists" || return 1
	ends 0 brig rm -f one || return 1
	local S=/root/.local/state/brig/snapshots/keep
	[ -d $S ] || S=$(dirname "$(find / -xdev -path '*snapshots/keep/sums' 2>/dev/null | head -n 1)")
	# a workspace that moved
	mv $W/box $W/moved && mkdir $W/box
	ends 125 brig restore keep && says "isn't the directory" || return 1
	rmdir $W/box
	ends 125 brig restore keep && says 'is gone' || return 1
	mv $W/moved $W/box
	# damage, of each kind
	chmod u+w $S/*
	cp -a $S/memory $T/memory && printf x | dd of=$S/memory bs=1 seek=9000000 conv=notrunc 2>/dev/null
	ends 125 brig restore keep && says 'damaged: the checksum of bytes' || return 1
	cp -a --sparse=always $T/memory $S/memory && truncate -s -4096 $S/memory
	ends 125 brig restore keep && says 'cut short' || return 1
	cp -a --sparse=always $T/memory $S/memory
	for name in state record.json snapshot.json sums; do
		cp -a $S/$name $T/was && printf '\7' | dd of=$S/$name bs=1 seek=100 conv=notrunc 2>/dev/null
		ends 125 brig restore keep && says 'damaged' || { echo "of $name"; return 1; }
		cp -a $T/was $S/$name
	done
	[ -z "$(brig ls -q)" ] || { brig ls; return 1; }
	# and whole it works
	ends 0 brig restore keep && ends 0 brig rm -f one && ends 0 brig snapshot rm keep || return 1
	# a wall without a machine says so
	ends 0 brig run -d --wall container --name con -- sleep 100 || return 1
	ends 125 brig snapshot con x && says 'no machine' && ends 125 brig fork con && says 'no machine' &&
		ends 0 brig rm -f con
}

# Killed at any moment: the snapshot is whole or not there, and the sandbox goes on.
killed_while_keeping() {
	local i pid was now
	brig rm -f one >/dev/null 2>&1
	counting one || return 1
	for i in 0.02 0.05 0.1 0.15 0.2 0.3 0.5 0.8; do
		/opt/brig/bin/brig snapshot one "k$i" >/dev/null 2>&1 &
		pid=$!
		sleep $i
		kill -KILL $pid 2>/dev/null
		wait $pid 2>/dev/null
		if brig snapshot ls | grep -q "^k$i "; then
			brig snapshot ls | grep "^k$i .*damaged" && return 1
			ends 0 brig restore "k$i" --name copy && ends 0 brig rm -f copy && ends 0 brig snapshot rm "k$i" || return 1
		fi
		was=$(count_of one) || return 1
		until_true 10 eval '[ "$(count_of one)" != "$was" ]' || return 1
	done
	ends 0 brig snapshot one last && ends 0 brig snapshot rm last && ends 0 brig rm -f one || return 1
	now=$(find / -xdev -path '*/snapshots/.*' 2>/dev/null)
	[ -z "$now" ] || { echo "left: $now"; return 1; }
}

kept_by_a_user() {
	as sub brig run -d --wall microvm -m 192m --name his -- sh -c \
		'cd; i=0; while :; do i=$((i+1)); echo $i >count; sleep 0.05; done' >$out 2>$err || { cat $err; return 1; }
	until_true 20 as sub brig exec his -- sh -c 'test -s ~/count' || return 1
	ends 0 as sub brig snapshot his mine && ends 0 as sub brig restore mine --name hers || return 1
	[ "$(as sub brig exec hers -- sh -c 'a=$(cat ~/count); sleep 2; [ "$(cat ~/count)" -gt $a ] && stat -c %u ~/count')" = 1001 ] ||
		{ echo "it doesn't go on"; return 1; }
	ends 0 as sub brig rm -f his hers && ends 0 as sub brig snapshot rm mine
}
