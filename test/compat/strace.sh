#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: strace follows processes, counts, and stops at what it is told
# Expect: container=yes sentry=yes
# Needs: strace
set -eu
timeout 30 strace -f -o trace -e trace=execve,openat,write,exit_group sh -c 'cat /etc/hostname >/dev/null; echo said' >said
grep -q 'execve("[^"]*/sh"' trace
grep -q 'openat(.*"/etc/hostname"' trace
grep -q 'write(1, "said\\n", 5) *= 5' trace
[ "$(grep -c 'exited with 0' trace)" -ge 1 ]
[ "$(cat said)" = said ]
timeout 30 strace -c -f -o counts sh -c '/bin/true; /bin/true' && grep -qE 'execve$' counts
# a fault of its making
! timeout 30 strace -o trace -e inject=openat:error=EMFILE:when=3+ cat /etc/hostname >/dev/null 2>&1
grep -q 'INJECTED' trace
sh -c 'while :; do sleep 0.1; done' >/dev/null 2>&1 &
pid=$!
timeout -k 5 2 strace -f -o trace -p "$pid" 2>/dev/null || [ $? = 124 ]
kill "$pid"
grep -qE 'execve\(' trace
rm trace said counts
