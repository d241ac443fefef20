#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest-kvm.sh - the first process of a machine that has hardware for virtual machines: brig's
# microVMs, with a real Linux in each.
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
exec >/dev/ttyS1 2>&1
. "$(dirname "$0")/guest-lib.sh"
. "$(dirname "$0")/guest-snapshot.sh"
. "$(dirname "$0")/guest-agent.sh"

mount -t cgroup2 cgroup2 $G
mkdir -p /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
chmod 666 /dev/kvm
echo "# $(uname -r) $(cat /proc/cmdline)"

m() { brig run --rm --wall microvm "$@"; }

own_kernel() {
	local kernel
	kernel=$(m -- uname -r 2>$err) || { cat $err; return 1; }
	echo "it runs $kernel"
	[ -n "$kernel" ] && [ "$kernel" != "$(uname -r)" ]
}

works_there() {
	brig doctor --json | tr -d ' \n' | grep -q '"name":"microvm"[^}]*"works":true'
}

workspace() {
	rm -rf $W/box && mkdir $W/box && echo outside >$W/box/given
	ends 0 m $W/box -- sh -c 'cat given && echo inside >made && chmod 640 made && mkdir d && ln made d/link &&
		mv given d/moved && dd if=/dev/zero of=big bs=1M count=20 2>/dev/null && sync' || return 1
	[ "$(cat $out)" = outside ] && [ "$(cat $W/box/made)" = inside ] &&
		[ "$(stat -c '%a %u %h' $W/box/made)" = "640 $(stat -c %u $W/box) 2" ] &&
		[ "$(cat $W/box/d/moved)" = outside ] && [ "$(stat -c %s $W/box/big)" = 20971520 ]
}

read_only() {
	ends 0 m -v /var/tmp/lab:/ro:ro $W/box -- sh -c '! touch /ro/x 2>/dev/null && ! touch /usr/x 2>/dev/null'
}

stream() {
	[ "$(head -c 3000000 /dev/urandom | tee $T/in | timeout 90 /opt/brig/bin/brig run --rm -i --wall microvm -- cat | sha256sum)" = \
		"$(sha256sum <$T/in)" ]
}

life() {
	ends 0 brig run -d --wall microvm --name life -- sleep 1000 || return 1
	prints hello brig exec life -- echo hello || return 1
	echo copied >$T/file
	brig cp $T/file life:/tmp/there && prints copied brig exec life -- cat /tmp/there || return 1
	ends 9 brig exec life -- sh -c 'exit 9' || return 1
	brig stop life >/dev/null && ends 0 brig rm life
}

killed() {
	local vmm
	ends 0 brig run -d --wall microvm --name dies -- sleep 1000 || return 1
	vmm=$(pgrep -x brig-vmm | head -n 1)
	[ -n "$vmm" ] || vmm=$(brig inspect dies | tr ',' '\n' | grep -o '"init": *[0-9]*' | grep -o '[0-9]*$')
	kill -KILL "$vmm"
	until_true 10 brig_ended dies && brig rm dies >/dev/null
}
brig_ended() { ! brig ls -q --running 2>/dev/null | grep -q "^$1$"; }

many_cpus() {
	prints 3 m --cpus 3 -- nproc
}

limited() {
	local kb
	kb=$(m -m 200m -- sh -c "sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo") || return 1
	echo "$kb KiB inside"
	[ "$kb" -gt 100000 ] && [ "$kb" -lt 204800 ]
}

paused() {
	local a b slept
	rm -rf $W/box && mkdir $W/box
	ends 0 brig run -d --wall microvm --name stands $W/box -- sh -c \
		'i=0; while :; do i=$((i+1)); echo $i >count; sleep 0.02; done' || return 1
	until_true 20 [ -s $W/box/count ] || return 1
	ends 0 brig pause stands || return 1
	a=$(cat $W/box/count)
	sleep 3
	b=$(cat $W/box/count)
	[ "$a" = "$b" ] || { echo "went from $a to $b while it was paused"; return 1; }
	ends 125 brig exec stands -- true && ends 0 brig stats --json stands || return 1
	ends 0 brig resume stands || return 1
	# the clock inside has not stood still
	a=$(date +%s) b=$(brig exec stands -- date +%s) slept=$((b - a))
	echo "its clock is $slept s off after a pause"
	[ "$slept" -ge 0 ] && [ "$slept" -le 2 ] || return 1
	until_true 20 sh -c "[ \$(cat $W/box/count) != $(cat $W/box/count) ]" || return 1
	brig exec stands -- sh -c '! dmesg 2>/dev/null | grep -i "lockup\|stall"' || return 1
	# and what is paused can be stopped, and removed
	ends 0 brig pause stands && ends 0 brig stop -t 2 stands && ends 0 brig rm stands
}

both_sides() {
	local said total free cpu
	ends 0 brig run -d --wall microvm -m 200m --name counts -- sleep 1000 || return 1
	ends 0 brig stats counts && cat $out
	said=$(brig stats --json counts | tr -d "\n") && echo "$said"
	total=$(number guest_memory <<<"$said") free=$(number guest_memory_available <<<"$said")
	cpu=$(number cpu_ns <<<"$said")
	[ "$total" -gt 100000000 ] && [ "$total" -lt 209715200 ] && [ "$free" -gt 1000000 ] &&
		[ "$free" -lt "$total" ] && [ "$cpu" -gt 1000000 ] &&
		[ "$(number guest_processes <<<"$said")" -ge 1 ] &&
		[ "$(number memory <<<"$said")" -gt 1000000 ] || return 1
	# what is taken inside is seen
	brig exec -d counts -- sh -c 'head -c 40000000 /dev/zero >/dev/shm/x; sleep 100'
	sleep 2
	said=$(brig stats --json counts | tr -d "\n") && echo "$said"
	[ "$(number guest_memory_available <<<"$said")" -lt $((free - 20000000)) ] &&
		[ "$(number guest_processes <<<"$said")" -le 6 ] || return 1
	brig rm -f counts >/dev/null
}

# Frames to nobody, as fast as they go: what has left after some seconds is the rate.
slow_net() {
	local a b from=$EPOCHREALTIME to
	ends 0 brig.bin run -d --wall microvm --net locked --net-rate 40k --name slow -- bash -c \
		'exec 3<>/dev/udp/192.0.2.1/9; while :; do printf %01400d 0 >&3; done' || return 1
	sleep 3
	a=$(brig stats --json slow | number net_out) from=$EPOCHREALTIME
	sleep 4
	b=$(brig stats --json slow | number net_out) to=$EPOCHREALTIME
	brig rm -f slow >/dev/null
	echo "$a and then $b bytes in $(((${to/./} - ${from/./}) / 1000)) ms"
	a=$(((b - a) * 1000000 / (${to/./} - ${from/./})))
	[ $a -le 50000 ] && [ $a -ge 20000 ]
}

ends_itself() {
	# what root inside does to its kernel ends the sandbox, and no more
	m -u 0 -- sh -c 'echo b >/proc/sysrq-trigger; reboot -f; sleep 5' >$out 2>$err
	prints fine m -- echo fine
}

unprivileged() {
	local kernel
	kernel=$(as sub brig run --rm --wall microvm -- sh -c 'uname -r; id -u' 2>$err) || { cat $err; return 1; }
	echo "$kernel"
	[ "$(echo "$kernel" | tail -n 1)" = 1001 ] && [ "$(echo "$kernel" | head -n 1)" != "$(uname -r)" ]
}

# Without a control group only the VMM itself can stop the machine.
paused_by_a_user() {
	local a b said
	as sub brig run -d --wall microvm --name his -- sh -c \
		'i=0; while :; do i=$((i+1)); echo $i >/tmp/count; done' >$out 2>$err || { cat $err; return 1; }
	until_true 20 as sub brig exec his -- test -s /tmp/count || return 1
	ends 0 as sub brig pause his || return 1
	a=$(as sub brig stats --json his | number cpu_ns)
	sleep 2
	said=$(as sub brig stats --json his | tr -d "\n") b=$(number cpu_ns <<<"$said")
	echo "$((b - a)) ns in two seconds of a pause: $said"
	[ "$a" -gt 0 ] && [ $((b - a)) -lt 200000000 ] &&
		[ "$(number guest_memory <<<"$said")" -gt 10000000 ] || return 1
	ends 0 as sub brig resume his || return 1
	a=$b
	sleep 2
	b=$(as sub brig stats --json his | number cpu_ns)
	[ $((b - a)) -gt 500000000 ] || return 1
	ends 0 as sub brig pause his && ends 0 as sub brig rm -f his
}

nothing_left() { ! pgrep brig-vmm && [ -z "$(brig ls -q)" ]; }

# The two halves; lab.run=... on the kernel's command line asks for one.
machines() {
	check "brig doctor proves /dev/kvm by running code on it" works_there
	check "a program runs on a kernel of its own" own_kernel
	check "a workspace is read and written, with owners, modes and links" workspace
	check "what is read-only stays so" read_only
	check "three megabytes go in and come out whole" stream
	check "exec, cp, statuses, stop" life
	check "a VMM that is killed is a sandbox that ended" killed
	check "three CPUs" many_cpus
	check "memory is what was asked for" limited
	check "a machine is paused, its clock is right afterwards, and it can be stopped" paused
	check "what it uses is told from outside and from inside" both_sides
	check "a limit of the network's rate holds" slow_net
	check "a guest that restarts its machine has ended" ends_itself
	check "an ordinary user has it, too" unprivileged
	check "an ordinary user pauses it, too, without a control group" paused_by_a_user
}
snapshots() {
	check "a machine is kept, goes on, and another one goes on from there" keeps_and_restores 1
	check "one of two CPUs, too" keeps_and_restores 2
	check "files, pipes and listings that are under way go on in the other one" under_way
	check "a machine forks, and copies fork, with names and numbers of their own" forks
	check "what can't go on is refused in words, and damage never starts" refusals
	check "a snapshot that is killed on its way leaves none, and the sandbox running" killed_while_keeping
	check "an ordinary user keeps his, too" kept_by_a_user
}
parts=$(sed -n 's/.*lab\.run=\([a-z,]*\).*/\1/p' /proc/cmdline)
case ",${parts:-life,snapshot}," in *,life,*) machines ;; esac
case ",${parts:-life,snapshot}," in *,snapshot,*) snapshots ;; esac
case ",$parts," in *,many,*) check "ten machines side by side, and one that is killed" ten ;; esac
case ",$parts," in *,agent,*) check "a real agent reads and edits a file of its workspace" agent_edits ;; esac
check "nothing is left" nothing_left
echo "# took $(cut -d. -f1 /proc/uptime) s"
echo "# the end"
sync
echo o >/proc/sysrq-trigger
sleep 10
