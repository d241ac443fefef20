#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# stress-test.sh [GROUP...] - a sandbox under load computes right and goes on: stressors of
# stress-ng that check what they did, and parts of the test suites of Python and Go, behind
# every wall of $STRESS_WALLS (container, and sentry where it runs).
#
# Everything runs on this machine first. What fails there too is no fault of a wall's, and is
# said aloud. $STRESS_SECONDS for each group of stressors (3), more for a real search.
#
# run as: root
# time: 900
# alone: yes

. "$(dirname "$0")/lib.sh"
. "$here/life-lib.sh"
seconds=${STRESS_SECONDS:-3}
python=/usr/bin/python3

# Those of a group run side by side. No stressor here takes all the memory there is, and none
# needs a device. What a stressor wants of the whole machine, as root outside, stays out.
declare -A group=(
	[processor]='cpu matrix vecmath crypt qsort longjmp funccall fp switch context'
	[memory]='vm mmap mmapfork mremap malloc memfd fault mlock msync mincore shm tmpfs mmapfixed'
	[processes]='fork vfork clone exec wait daemon session spawn'
	[threads]='pthread mutex futex membarrier sem tsc schedpolicy yield'
	[pipes]='pipe fifo sockpair poll epoll eventfd splice sigpipe'
	[sockets]='sock udp sockfd sockabuse sockmany dccp'
	[messages]='mq msg sem-sysv shm-sysv shm'
	[signals]='signal sigq sigpending sigsuspend sigfd sigsegv sigabrt sigchld kill timer timerfd itimer nanosleep alarm clock'
	[names]='dentry rename link symlink dir dirdeep hdd seek open touch access getdent fstat chdir filename'
	[contents]='flock lockf lockofd fallocate xattr utime copy-file aio iomix sync-file inotify file-ioctl mmap chmod'
	[askew]='sysbadaddr get sysinfo procfs resources'
)
order='processor memory processes threads pipes sockets messages signals names contents askew'
# on the machine itself these could do harm, or last
declare -A inside_only=([askew]=yes)
limits=(--vm-bytes 48m --mmap-bytes 32m --shm-bytes 4m --shm-sysv-bytes 4m --malloc-bytes 16m
	--hdd-bytes 16m --fallocate-bytes 16m --copy-file-bytes 128m --mremap-bytes 16m --memfd-bytes 16m
	--iomix-bytes 16m --sync-file-bytes 8m --seek-size 8m --aio-requests 8 --dentries 512
	--fork-max 8 --vfork-max 8 --clone-max 64 --pthread-max 64)

tests_python='test_os test_subprocess test_threading test_signal test_posix test_select test_epoll test_mmap
	test_fcntl test_socket test_time test_pty test_resource test_fileio test_fork1 test_wait4 test_shutil
	test_tempfile test_eintr test_threadsignals test_asyncio.test_subprocess test_asyncio.test_unix_events
	test_socketserver test_posixpath test_pathlib test_glob'
# what needs a device, only waits for long, or was taken out of Linux 7
ignored_python=(-i '*VSOCK*' -i '*Vsock*' -i '*Stress*' -i '*Siginterrupt*' -i '*UDPLITE*'
	# owners of 2 and 4 thousand million, which no user's range of ids holds
	-i test_chown -i test_fchown -i test_lchown)
tests_go='os os/exec os/signal syscall net runtime/debug'

# ---- where something runs

# there DIR COMMAND...: outside if wall is empty, else in the sandbox that runs; in $dir, or DIR there.
there() {
	local at=$1
	shift
	if [ -z "$wall" ]; then
		(cd "$at" && HOME=$T exec setsid -w nice timeout -k 10 "$limit" "$@" </dev/null 2>&1)
	else
		timeout -k 10 "$((limit + 20))" "$BRIG" exec -w "$at" "$box" -- timeout -k 10 "$limit" "$@" </dev/null 2>&1
	fi
}

begin() { # a sandbox named $box
	timeout -k 5 60 "$BRIG" run -d -q --wall "$wall" --net none --name "$box" -v "$T/go:$T/go:ro" "$dir" -- \
		sleep 100000 >/dev/null || return
	# Go's TestUnshare wants more than loopback, so that a new network has less
	"$BRIG" exec -u root "$box" -- ip link add stress0 type dummy </dev/null >/dev/null 2>&1 || true
}

alive() { [ "$(timeout -k 5 20 "$BRIG" exec "$box" -- echo alive </dev/null 2>&1)" = alive ]; }

# What the sandbox's own kernel complained of.
complaints() {
	timeout -k 5 20 "$BRIG" exec -u root "$box" -- dmesg </dev/null 2>/dev/null |
		grep -E '(BUG|WARNING|Oops):|Kernel panic|refcount_t|use-after-free|soft lockup|detected stalls|Call Trace' | head -n 5
}

# ---- stress-ng

# What this build knows of the stressors of a group.
stressors_of() {
	local name
	for name in ${group[$1]}; do
		! grep -qx -- "$name" "$T/known" || echo "$name"
	done
}

# bad NAME: stressors of the group that failed, in $wall. Status 1 if it ended in no good way.
bad() {
	local args=() name got out
	for name in $(stressors_of "$1"); do args+=("--$name" 1); done
	limit=$((seconds * 3 + 60))
	out=$(there "$dir" stress-ng --verify --oomable --timeout "${seconds}s" --temp-path "$dir" \
		"${limits[@]}" "${args[@]}")
	got=$?
	printf '%s\n' "$out" >"$T/said"
	sed -nE 's/.*process \[?[0-9]+\]? \((stress-ng-)?([a-z0-9-]+)\) terminated.*/\2/p;
		s/.*process [0-9]+ \(stress-ng-([a-z0-9-]+)\) terminated.*/\1/p;
		s/^stress-ng: fail: +\[[0-9]+\] (stress-ng-)?([a-z0-9-]+): .*/\2/p' <<<"$out" | sort -u
	# 3: no resource, 4: not implemented, which is told of single ones
	case $got in 0 | 2 | 3 | 4) return 0 ;; *) return 1 ;; esac
}

stress() {
	local name says outside inside only_inside count
	for name in $order; do
		wanted "$name" || continue
		outside=
		count=$(stressors_of "$name" | wc -l)
		if [ -z "${inside_only[$name]:-}" ]; then
			wall='' outside=$(bad "$name") || {
				! grep -q 'out of range\|Invalid argument\|unrecognized' "$T/said" ||
					not_ok "$name: this version of stress-ng takes these options" "$(cat "$T/said")"
				skip "$name" "stress-ng fails on this machine, without a sandbox: $(tail -n 1 "$T/said")"
				continue
			}
			[ -z "$outside" ] || echo "# on this machine fail, without a sandbox:" $outside
		fi
		for wall in $walls; do
			box=stress-$wall-$TAG
			says="[$wall] $name: $count stressors find what they wrote"
			inside=$(bad "$name") && got=0 || got=1
			only_inside=$(comm -13 <(echo "$outside") <(echo "$inside") | tr '\n' ' ')
			if [ -n "${only_inside// }" ]; then
				# some look at a moment that a busy machine misses: twice they don't
				outside=$(sort -u <(echo "$outside") <(comm -13 <(bad "$name") <(echo "$inside")))
				only_inside=$(comm -13 <(echo "$outside") <(echo "$inside") | tr '\n' ' ')
			fi
			if [ "$got" = 0 ] && [ -z "${only_inside// }" ]; then ok "$says"; else
				not_ok "$says" "failed: $only_inside
$(grep -E 'fail|error|terminated|unsuccess' "$T/said" | head -n 20 || tail -n 5 "$T/said")"
			fi
			survives "$name"
		done
	done
}

survives() {
	local what
	if ! alive; then
		not_ok "[$wall] $1: the sandbox answers afterwards" "$(timeout 20 "$BRIG" ls 2>&1)"
		timeout 30 "$BRIG" rm -f "$box" >/dev/null 2>&1
		begin
		return
	fi
	what=$(complaints)
	if [ "$wall" != sentry ] || [ -z "$what" ]; then ok "[$wall] $1: the sandbox answers afterwards"; else
		not_ok "[$wall] $1: its kernel has nothing to complain of" "$what"
	fi
}

# ---- test suites of languages

# failing_python MODULE: the tests that failed, or "(all)".
failing_python() {
	local out got
	limit=400
	out=$(there "$dir" env -u JAVA_TOOL_OPTIONS "$python" -m test -W --timeout 300 \
		"${ignored_python[@]}" "$1")
	got=$?
	printf '%s\n' "$out" >"$T/said"
	{ [ "$got" = 0 ] || sed -nE 's/^(FAIL|ERROR): ([A-Za-z0-9_]+) .*/\2/p;
		s@^ *File ".*/test/.*", line [0-9]+ in (test_[a-z0-9_]+)$@\1@p' <<<"$out"; } | sort -u >"$T/names"
	[ "$got" = 0 ] || [ -s "$T/names" ] || echo "(all)" >"$T/names"
	cat "$T/names"
}

failing_go() {
	local out got at
	at=$(go env GOROOT)/src/$1
	limit=300
	out=$(there "$(readlink -f "$at")" "$T/go/${1//\//-}" -test.short -test.timeout 280s)
	got=$?
	printf '%s\n' "$out" >"$T/said"
	{ [ "$got" = 0 ] || sed -nE 's/^ *--- FAIL: ([A-Za-z0-9_/]+) .*/\1/p' <<<"$out"; } | sort -u >"$T/names"
	[ "$got" = 0 ] || [ -s "$T/names" ] || echo "(all)" >"$T/names"
	cat "$T/names"
}

# suite LANGUAGE NAME: of one module, outside and inside.
suite() {
	local outside inside says
	wall='' outside=$("failing_$1" "$2")
	if [ "$outside" = "(all)" ]; then
		skip "$1: $2" "it fails on this machine, without a sandbox: $(tail -n 1 "$T/said" | cut -c 1-160)"
		return
	fi
	[ -z "$outside" ] || echo "# on this machine fail, without a sandbox:" $outside
	for wall in $walls; do
		# the container's filter and masks are why some of these are refused there
		[ "$wall" != container ] || [ -n "${STRESS_ALL:-}" ] || continue
		box=stress-$wall-$TAG
		says="[$wall] $1: its tests of $2 pass"
		inside=$(comm -13 <(echo "$outside") <("failing_$1" "$2") | tr '\n' ' ')
		if [ -z "${inside// }" ]; then ok "$says"; else
			not_ok "$says" "failed: $inside
$(grep -E -A 12 '^(FAIL|ERROR): |--- FAIL' "$T/said" | tail -n 30)
$(tail -n 3 "$T/said")"
		fi
		alive || { survives "$1"; }
	done
}

languages() {
	local name
	if ! wanted python; then :
	elif ! "$python" -m test --list-tests 2>/dev/null | grep -qx test_subprocess; then
		skip "Python's test suite" "it is not installed (libpython3.11-testsuite)"
	else
		for name in $tests_python; do
			! wanted_part "$name" || suite python "$name"
		done
	fi
	if ! wanted go; then :
	elif ! command -v go >/dev/null || [ ! -e "$(go env GOROOT)/src/os/exec/exec_test.go" ]; then
		skip "Go's test suite" "it is not installed"
	else
		for name in $tests_go; do
			wanted_part "$name" || continue
			if (cd "$T" && GOCACHE=$T/go-cache GO111MODULE=off nice timeout 200 go test -c -o "$T/go/${name//\//-}" \
				"$name") >"$T/said" 2>&1; then
				suite go "$name"
			else
				skip "go: $name" "its tests don't compile here: $(tail -n 1 "$T/said")"
			fi
		done
	fi
}

wanted() { # a group, or python, or go; also part of one, as python:test_os
	local name
	[ ${#only[@]} -gt 0 ] || return 0
	for name in "${only[@]}"; do
		[ "${name%%:*}" != "$1" ] || return 0
	done
	return 1
}

wanted_part() {
	local name
	[[ "${only[*]}" == *:* ]] || return 0
	for name in "${only[@]}"; do
		[ "${name#*:}" != "$1" ] || return 0
	done
	return 1
}

only=("$@")
dir=$T/work box=''
mkdir -p "$dir" "$T/go"
walls=
for wall in ${STRESS_WALLS:-container sentry}; do
	box=stress-$wall-$TAG
	if said=$(begin 2>&1) && alive; then
		walls+=" $wall"
	else
		skip "the $wall wall" "it doesn't run here: $(head -n 1 <<<"$said")"
	fi
done
if [ -n "$walls" ]; then
	if command -v stress-ng >/dev/null; then
		stress-ng --stressors 2>/dev/null | tr ' ' '\n' | sort -u >"$T/known"
		stress
	else
		skip "stressors of every kind" "stress-ng is not installed"
	fi
	if [ -n "${STRESS_ALL:-}" ] || [ ${#only[@]} -gt 0 ]; then
		languages
	else
		skip "test suites of languages" "a quarter of an hour: STRESS_ALL=1 runs them"
	fi
fi
for wall in $walls; do
	check "[$wall] what was under load is removed" timeout 60 "$BRIG" rm -f "stress-$wall-$TAG"
done
finish
