/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: clocks never go back, sleeps are as long as asked, and time used is counted
 * Expect: container=yes sentry=yes
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "probe.h"

static long long now(clockid_t id)
{
	struct timespec ts;

	need(clock_gettime(id, &ts) == 0);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static volatile sig_atomic_t rang;

static void on_ring(int sig)
{
	(void)sig;
	rang++;
}

static void sleeps(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };
	long long then = now(CLOCK_MONOTONIC), took;

	need(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL) == 0);
	took = now(CLOCK_MONOTONIC) - then;
	need(took >= ms * 1000000 && took < (ms + 1000) * 1000000LL);
}

int main(void)
{
	const clockid_t ids[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
		CLOCK_MONOTONIC_COARSE };
	struct itimerval virtual = { { 0, 0 }, { 0, 50000 } };
	long long then, cpu;
	struct rusage usage;
	struct timespec res;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		long long last = now(ids[i]), next;

		for (int j = 0; j < 20000; j++, last = next)
			need((next = now(ids[i])) >= last);
	}
	need(clock_getres(CLOCK_MONOTONIC, &res) == 0 && res.tv_nsec == 1);
	/* a year in which this may run */
	need(now(CLOCK_REALTIME) > 1700000000LL * 1000000000);
	sleeps(1);
	sleeps(25);
	sleeps(120);

	/* the processor's time, by three clocks */
	need(signal(SIGVTALRM, on_ring) != SIG_ERR);
	need(setitimer(ITIMER_VIRTUAL, &virtual, NULL) == 0);
	then = now(CLOCK_MONOTONIC);
	while (!rang)
		need(now(CLOCK_MONOTONIC) - then < 20000000000LL);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	need(cpu >= 40000000);
	need(getrusage(RUSAGE_SELF, &usage) == 0);
	need(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 20000);
	cpu = now(CLOCK_THREAD_CPUTIME_ID);
	sleeps(200);
	need(now(CLOCK_THREAD_CPUTIME_ID) - cpu < 100000000);
	return 0;
}
