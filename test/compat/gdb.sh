#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: gdb: breakpoints, a watchpoint, steps, a backtrace over threads, attaching
# Expect: container=yes sentry=yes
# Needs: gdb gcc
# Time: 120
set -eu
cat >debugged.c <<'EOF'
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
volatile int changed;
static int inner(int n) { return n * 7; }
static int outer(int n) { changed = n; return inner(n) + 1; }
static void *thread(void *arg) { sleep(100); return arg; }
int main(int argc, char **argv)
{
	pthread_t t;
	if (argc > 1)
		for (;;)
			usleep(10000);
	pthread_create(&t, NULL, thread, NULL);
	printf("%d\n", outer(6));
	/* of a program that ends with a thread in it, gdb 13 loses the end now and then */
	pthread_cancel(t);
	pthread_join(t, NULL);
	return 5;
}
EOF
gcc -g -O0 -pthread -o debugged debugged.c
g() { timeout -k 5 60 gdb -q -nx -batch -ex 'set pagination off' -ex 'set confirm off' "$@" 2>&1 || true; }
out=$(g -ex 'break inner' -ex run -ex bt -ex 'info threads' -ex 'print n' -ex finish \
	-ex 'print changed' -ex next -ex continue ./debugged)
says() { grep -qE "$1" <<<"$out" || { echo "gdb did not say /$1/:"; echo "$out"; exit 1; }; }
says 'Breakpoint 1, inner \(n=6\)'
says '#1 .* outer \(n=6\)'
says '#2 .* main '
says 'Thread 0x[0-9a-f]+ .*thread|LWP.*clock_nanosleep|\* 1 '
says '\$1 = 6'
says 'Value returned is \$2 = 42'
says 'exited with code 05'
out=$(g -ex 'break main' -ex run -ex 'set can-use-hw-watchpoints 0' -ex 'watch changed' -ex continue ./debugged)
says 'New value = 6'
./debugged wait &
pid=$!
sleep 0.3
out=$(g -p "$pid" -ex bt -ex detach)
kill "$pid"
says '(usleep|nanosleep)'
says 'detached'
rm debugged debugged.c
