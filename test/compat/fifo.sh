#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: named pipes: both ends wait for each other, a line is whole, the end is told
# Expect: container=yes sentry=yes
# In: workspace tmp
set -eu
rm -f pipe lines && mkfifo -m 600 pipe && [ -p pipe ]
timeout 20 cat pipe >lines &
reader=$!
sleep 0.1
exec 7>pipe
writers=()
for i in 1 2 3 4; do
	(for n in $(seq 200); do echo "$i line $n of one writer"; done >pipe) &
	writers+=($!)
done
exec 7>&-
wait "${writers[@]}"
wait "$reader"
[ "$(grep -cE '^[1-4] line [0-9]+ of one writer$' lines)" = 800 ]
# nobody reads: who doesn't want to wait is told
! timeout 5 python3 -c 'import os; os.open("pipe", os.O_WRONLY | os.O_NONBLOCK)' 2>/dev/null
rm pipe lines
# through many processes, and the writer dies of a reader that goes
[ "$(seq 200000 | cat | sort -n | tail -n 1)" = 200000 ]
set +e
yes | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" = 141 ]
