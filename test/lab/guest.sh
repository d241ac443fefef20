#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest.sh - what is tested in a machine that runs systemd on cgroup version 2: as root, as a
# user to whom systemd delegates (sub, with subordinate ids), as one to whom nobody does
# (nosub, without).
. "$(dirname "$0")/guest-lib.sh"

echo "# $(uname -r), up for $(cut -d. -f1 /proc/uptime) s"

# --- root ---------------------------------------------------------------------------------

# start NAME OPTION... -- COMMAND...: in the background
start() {
	local name=$1
	shift
	brig run -d --name "$name" "$@" >$out 2>$err || { cat $err; return 1; }
}

limits_are_set() {
	start set -m 48m --cpus 0.5 --pids 40 -- sleep 100 || return 1
	local g
	g=$(group_of set)
	has "$g" memory.max 50331648 && has "$g" cpu.max "50000 100000" &&
		has "$g" pids.max 40 && [ "${g%/*}" = $G/brig ]
}

stats_tell() {
	local said
	said=$(brig stats --json set) || return 1
	[ "$(number memory_limit <<<"$said")" = 50331648 ] &&
		[ "$(number pids_limit <<<"$said")" = 40 ] &&
		[ "$(number pids <<<"$said")" -ge 2 ] &&
		[ "$(number memory <<<"$said")" -gt 100000 ] &&
		[ "$(number cpu_ns <<<"$said")" -gt 100000 ] || {
		echo "$said"
		return 1
	}
}

exec_counts() {
	brig exec set -- tail /dev/zero >$out 2>$err
	[ $? = 137 ] || { cat $out $err; return 1; }
	local n
	n=$(brig stats --json set | number oom_kills)
	[ "${n:-0}" -ge 1 ] || { echo "oom_kills: $n"; return 1; }
}

killed() {
	local g
	g=$(group_of set)
	brig kill set && until_true 20 group_is_gone set && [ ! -d "$g" ] &&
		[ ! -d $G/brig ] || { ls $G/brig; return 1; }
	brig rm set >/dev/null
}

memory_bomb() {
	ends 137 brig run --rm -m 48m -- tail /dev/zero && says "out of memory: the kernel killed"
}

# dash gives up at the first fork that fails; what it made stays.
fork_bomb() {
	start forks --pids 24 -- dash -c '(while :; do sleep 100 & done); kill -STOP $$' ||
		return 1
	local g n
	g=$(group_of forks)
	until_true 20 grep -q 'max [1-9]' "$g/pids.events" || return 1
	n=$(cat "$g/pids.current")
	brig rm -f forks >/dev/null && group_is_gone forks && [ "$n" -le 24 ] &&
		[ "$n" -ge 20 ] || { echo "$n processes"; return 1; }
}

cpu_share() {
	local g a b
	start spin --cpus 0.2 -- sh -c 'while :; do :; done' || return 1
	g=$(group_of spin)
	sleep 1
	a=$(brig stats --json spin | number cpu_ns)
	sleep 3
	b=$(brig stats --json spin | number cpu_ns)
	echo "used $(((b - a) / 1000000)) ms in some 3 s; $(grep throttled "$g/cpu.stat" | xargs)"
	[ $((b - a)) -gt 100000000 ] && [ $((b - a)) -lt 1500000000 ] &&
		grep -q 'nr_throttled [1-9]' "$g/cpu.stat"
}

pauses() {
	local g a b c
	g=$(group_of spin)
	brig pause spin && has "$g" cgroup.freeze 1 && grep -qx 'frozen 1' "$g/cgroup.events" ||
		return 1
	a=$(grep usage_usec "$g/cpu.stat")
	sleep 1
	b=$(grep usage_usec "$g/cpu.stat")
	brig resume spin || return 1
	sleep 1
	c=$(grep usage_usec "$g/cpu.stat")
	[ "$a" = "$b" ] && [ "$b" != "$c" ] && has "$g" cgroup.freeze 0 ||
		{ echo "$a, $b, $c"; return 1; }
}

paused_is_killed() {
	brig pause spin && brig kill spin && until_true 20 group_is_gone spin &&
		brig rm -f spin >/dev/null
}

# What a killed keeper leaves is dead at once, and removed by whoever comes next.
keeper_killed() {
	start orphan -m 48m -- sleep 100 || return 1
	local g
	g=$(group_of orphan)
	pkill -9 -f 'brig-keeper orphan' && until_true 10 grep -qx 'populated 0' "$g/cgroup.events" &&
		brig prune --force >/dev/null && [ ! -d "$g" ]
}

two_homes() {
	start twice -m 48m -- sleep 100 || return 1
	BRIG_HOME=$T/other ends 0 brig run -d --name twice -m 48m -- sleep 100 || return 1
	[ "$(find $G/brig -mindepth 1 -maxdepth 1 -name 'twice-*' | wc -l)" = 2 ] || return 1
	BRIG_HOME=$T/other brig rm -f twice >/dev/null && brig rm -f twice >/dev/null &&
		group_is_gone twice
}

owners_stay() {
	rm -f $W/mine && touch $W/of-nosub && chown nosub $W/of-nosub
	prints "0 1002" brig run --rm -- stat -c %u . of-nosub >$T/o || {
		[ "$(brig run --rm -- stat -c %u of-nosub)" = 1002 ] || { cat $T/o; return 1; }
	}
	brig run --rm -- touch mine && [ "$(stat -c %u $W/mine)" = 0 ]
}

not_hosts_root() {
	start ids -- sleep 77 || return 1
	local uid
	uid=$(stat -c %u "/proc/$(pgrep -f '^sleep 77')")
	brig rm -f ids >/dev/null
	[ "$uid" -ge 100000 ] || { echo "runs as $uid"; return 1; }
}

as_root() {
	check "root: limits are in the files of the group" limits_are_set
	check "root: stats tell what the group knows" stats_tell
	check "root: a command of exec is in the group, and killed at its limit" exec_counts
	check "root: kill ends it, and the groups are gone" killed
	check "root: a memory bomb is killed in its group, and brig says so" memory_bomb
	check "root: a fork bomb is bounded" fork_bomb
	check "root: the share of the CPU holds" cpu_share
	check "root: pause stops every process by cgroup.freeze, resume lets them go" pauses
	check "root: what is paused can be killed" paused_is_killed
	check "root: a killed keeper's group is removed" keeper_killed
	check "root: the same name in two homes has two groups" two_homes
	check "root: files keep their owners through an idmapped mount" owners_stay
	check "root: the root inside is not the host's" not_hosts_root
}

# --- users ---------------------------------------------------------------------------------

# bomb USER-COMMAND...: the limit holds for a user
user_bomb() {
	ends 137 "$@" brig run --rm -m 48m -- tail /dev/zero && says "out of memory: the kernel killed"
}

user_limits() {
	local g under=$1
	shift
	ends 0 "$@" brig run -d --name set -m 48m --cpus 0.5 --pids 40 -- sleep 100 || return 1
	g=$(group_of set)
	has "$g" memory.max 50331648 && has "$g" cpu.max "50000 100000" &&
		has "$g" pids.max 40 && "$@" brig pause set && has "$g" cgroup.freeze 1 &&
		"$@" brig resume set
	local r=$?
	"$@" brig rm -f set >/dev/null && group_is_gone set || r=1
	# shellcheck disable=SC2254 # a pattern it is
	case $g in
	$under) return $r ;;
	esac
	echo "'$g' is not $under"
	return 1
}

U=$G/user.slice/user-1001.slice/user@1001.service

no_scope_left() {
	local left
	left=$(find $U -type d -name '*.scope' ! -name init.scope)
	[ -z "$left" ] || { echo "$left"; return 1; }
}

# A default is no reason to ask systemd for a group.
default_without_scope() {
	as_session sub brig run -d --name plain -- sleep 100 >$out 2>$err || { cat $err; return 1; }
	group_is_gone plain && no_scope_left && as_session sub brig rm -f plain >/dev/null
}

in_own_scope() {
	as_session sub systemd-run --user --scope --quiet -p Delegate=yes "$@"
}

# systemd-run is there and fails: what is said is brig's own word, with the remedy.
scope_fails() {
	ends 125 as sub DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere brig run --rm -m 48m -- true &&
		says "a limit of memory can't be enforced here" && says "systemd-run --user --scope"
}

session_user() {
	until_true 30 test -S /run/user/1001/systemd/private >$err || {
		echo "not ok - sub: systemd runs for a user that lingers"
		return
	}
	check "sub: with a session of systemd's, limits hold in a scope of its own" \
		user_limits "$U/app.slice/brig-set-*.scope/brig/set-*" as_session sub
	check "sub: and a memory bomb is killed" user_bomb as_session sub
	check "sub: after su, where nothing says where systemd is, too" user_bomb as sub
	check "sub: in a scope that is the user's already, too" \
		user_limits "$U/brig/set-*" in_own_scope
	check "sub: the scopes end with their sandboxes" until_true 10 no_scope_left
	check "sub: without a limit there is no scope" default_without_scope
	check "sub: where systemd gives no scope, the limit is refused" scope_fails
}

# A subtree given away by hand, as a container's or a batch system's; the shell is in it.
handmade() {
	local g=$G/handmade
	mkdir -p $g/shell && echo "+memory +cpu +pids" >$G/cgroup.subtree_control &&
		chown nosub $g $g/cgroup.{procs,subtree_control,threads} &&
		chown -R nosub $g/shell
	echo $BASHPID >$g/shell/cgroup.procs && "$@"
}

in_handmade() { (handmade as nosub "$@"); }

delegated_user() {
	check "nosub: limits hold in a subtree that was delegated by hand" \
		user_limits "$G/handmade/brig/set-*" in_handmade
	check "nosub: and a memory bomb is killed" user_bomb in_handmade
}

refused() {
	local option
	for option in "-m 48m" "--cpus 1" "--pids 40"; do
		ends 125 as nosub brig run --rm $option -- true && says "can't be enforced here" &&
			says "enable-linger|run as root" || return 1
	done
}

pauses_without_group() {
	as nosub brig run -d --name spin -- sh -c 'while :; do echo >>ticks; sleep 0.1; done' \
		>$out 2>$err || { cat $err; return 1; }
	until_true 10 test -s $W/ticks && as nosub brig pause spin || return 1
	local a b
	a=$(stat -c %s $W/ticks)
	sleep 1
	b=$(stat -c %s $W/ticks)
	as nosub brig resume spin && as nosub brig rm -f spin >/dev/null
	[ "$a" = "$b" ] || { echo "$a, $b"; return 1; }
}

undelegated_user() {
	check "nosub: a limit that can't be had is refused, with the remedy" refused
	check "nosub: a default that can't be had is no reason to refuse" \
		prints hello as nosub brig run --rm -- echo hello
	check "nosub: pauses without a control group" pauses_without_group
}

# --- walls ---------------------------------------------------------------------------------

overlay_holds() {
	local user=$1 d=$T/ov-$1
	mkdir -p "$d/dir" && echo old >"$d/file" && echo x >"$d/dir/x" && chown -R "$user:$user" "$d"
	ends 0 as "$user" brig run --name over shell "$d:overlay" -- \
		sh -c 'echo new >file && rm -r dir && mkdir dir && echo y >dir/y' &&
		has "$d" file old && has "$d" dir/x x || return 1
	prints "new y" as "$user" brig run --name over shell "$d:overlay" -- \
		sh -c 'echo $(cat file) $(ls dir)' || return 1
	as "$user" brig rm -f over >/dev/null
}

import_images() {
	local n
	for n in 3 60; do
		as "$1" /opt/brig/libexec/brig/brig-image import -q $LAB/layers-$n.tar lab:$n ||
			return 1
	done
}

walls_of() {
	local user=$1 inside=$2 wall
	for wall in nspawn container; do
		check "$user: the $wall wall runs a command" \
			prints "$inside" as "$user" brig run --rm --wall $wall -- id -u
	done
	check "$user: an overlay keeps a workspace as it was" overlay_holds "$user"
	check "$user: images are unpacked" import_images "$user"
	check "$user: an image of 3 layers is a root" \
		prints "3 1" as "$user" brig run --rm --wall container --image lab:3 -- \
		sh -c 'echo $(cat /layers/top /layers/1)'
	check "$user: so is one of 60" \
		prints "60 1" as "$user" brig run --rm --wall container --image lab:60 -- \
		sh -c 'echo $(cat /layers/top /layers/1)'
	check "$user: nothing is left mounted" test -z "$(grep brig /proc/self/mountinfo)"
}

walls_of_sub() { walls_of sub 1001; }
walls_of_nosub() { walls_of nosub 0; }

# doctor COMMAND...: it finds a wall, and says what PATTERNs want
doctor_says() {
	local pattern=$1
	shift
	ends 0 "$@" brig doctor && grep -Eq -e "$pattern" $out && return 0
	cat $out
	return 1
}

landlock_abi() {
	case $(uname -r) in
	6.1.*) echo 2 ;;
	6.12.*) echo 6 ;;
	*) echo '[0-9]+' ;;
	esac
}

doctors() {
	check "root: doctor sees version 2 and all controllers" \
		doctor_says 'v2; memory cpu pids pause' env
	check "sub: doctor names the way to a delegated group" \
		doctor_says 'systemd-run' as_session sub
	check "nosub: doctor says that nobody delegates" \
		doctor_says 'v2; no memory no cpu no pids' as nosub
	check "doctor knows the kernel's Landlock" \
		doctor_says "ABI $(landlock_abi)" as nosub
}

# --- the gate, on this kernel --------------------------------------------------------------

# ask PORT [PATH]: what a web server of the machine's own loopback says, by way of the gate
ask() {
	"${who[@]}" /opt/brig/bin/brig.bin run --name asked --net locked \
		--allow host.brig.internal:8099 --allow 'http://host.brig.internal:8097/word' \
		-- timeout 30 bash -c '
		exec 3<>/dev/tcp/host.brig.internal/$1 &&
		printf "GET /$2 HTTP/1.1\r\nHost: host.brig.internal:$1\r\nConnection: close\r\n\r\n" >&3 &&
		cat <&3' bash "$@" 2>$err
}

# forget [say]: the sandbox of ask, and what it came to
forget() {
	[ -z "${1:-}" ] || {
		cat $err
		"${who[@]}" /opt/brig/bin/brig.bin policy log asked
		"${who[@]}" bash -c 'cat "${XDG_STATE_HOME:-$HOME/.local/state}"/brig/sandboxes/asked/keeper.log'
	}
	"${who[@]}" /opt/brig/bin/brig.bin rm --force asked >/dev/null
}
answers() {
	if ask "$@" | grep -q "it is a word"; then forget; else forget say; return 1; fi
}
is_silent() {
	if ask "$@" | grep -q "it is a word"; then forget say; return 1; else forget; fi
}
has_link() {
	"${who[@]}" /opt/brig/bin/brig.bin run --rm --net locked -- cat /proc/net/dev | grep -q eth0
}

through_the_gate() {
	mkdir -p $T/www
	echo "it is a word" | tee $T/www/word >$T/www/other
	/opt/brig/bin/busybox httpd -p 127.0.0.1:8099 -h $T/www
	/opt/brig/bin/busybox httpd -p 127.0.0.1:8098 -h $T/www
	/opt/brig/bin/busybox httpd -p 127.0.0.1:8097 -h $T/www
	local user who
	for user in root sub nosub; do
		who=(timeout -k 5 90)
		[ $user = root ] || who=(as "$user")
		check "$user: a sandbox has a link" has_link
		check "$user: what is allowed is passed through" answers 8099 word
		check "$user: what is not is not" is_silent 8098 word
		check "$user: a request that is allowed gets its answer" answers 8097 word
		check "$user: and another doesn't" is_silent 8097 other
	done
}

# The tests of the kernel's interfaces, which this machine may have others of.
# What one leaves running is not waited for.
unit_passes() {
	timeout 60 "$@" >$out 2>&1 || { cat $out; return 1; }
}

units() {
	local unit
	for unit in $LAB/*-test; do
		[ -x "$unit" ] || continue
		check "root: ${unit##*/} passes" unit_passes "$unit"
		check "sub: ${unit##*/} passes" unit_passes setpriv --reuid sub --regid sub --init-groups "$unit"
	done
}

# lab.run=PART,PART on the command line of the kernel: these alone
parts=$(grep -o 'lab.run=[^ ]*' /proc/cmdline | tr '=,' '  ')
for part in ${parts:-lab.run as_root session_user undelegated_user delegated_user \
	walls_of_sub walls_of_nosub through_the_gate doctors units}; do
	[ "$part" = lab.run ] && continue
	begun=$SECONDS
	$part
	echo "# $part: $((SECONDS - begun)) s"
done
echo "# took $(cut -d. -f1 /proc/uptime) s"
echo "# the end"
sync
systemctl poweroff -ff
