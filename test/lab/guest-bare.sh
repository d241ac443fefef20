#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest-bare.sh - the first process of a machine without systemd: control groups as the
# command line of the kernel has them, and what the kernel lacks.
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
exec >/dev/ttyS1 2>&1
. "$(dirname "$0")/guest-lib.sh"

mount -t cgroup2 cgroup2 $G
mkdir -p /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
echo "# $(uname -r) $(cat /proc/cmdline)"

refused() {
	ends 125 brig run --rm -m 48m -- true && says "memory" && says "command line"
}

# The rest can be had, and is.
others_hold() {
	ends 0 brig run -d --name set --cpus 0.5 --pids 40 -- sleep 100 || return 1
	local g
	g=$(group_of set)
	has "$g" cpu.max "50000 100000" && has "$g" pids.max 40 && brig rm -f set >/dev/null &&
		group_is_gone set
}

no_namespaces() {
	echo 0 >/proc/sys/user/max_user_namespaces
	ends 125 as sub brig run --rm -- true && says "namespaces are not to be had here"
	local r=$?
	echo 5000 >/proc/sys/user/max_user_namespaces
	return $r
}

check "without the memory controller its limit is refused, with the remedy" refused
check "and the limits of the others hold" others_hold
check "without Landlock the container wall runs for root" \
	prints 0 brig run --rm --wall container -- id -u
check "and for a user" prints 1001 as sub brig run --rm --wall container -- id -u
check "where user namespaces are forbidden a user's brig says so" no_namespaces
echo "# took $(cut -d. -f1 /proc/uptime) s"
echo "# the end"
sync
echo o >/proc/sysrq-trigger
sleep 10
