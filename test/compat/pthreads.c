/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: threads of C: mutexes, conditions, barriers, cancellation, robust locks
 * Expect: container=yes sentry=yes
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "probe.h"

#define THREADS 16
#define TURNS   2000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static atomic_int plain;
static int guarded, turn;
static _Thread_local int own;

static void *count(void *arg)
{
	int me = (int)(long)arg;

	(void)pthread_barrier_wait(&barrier);
	for (int i = 0; i < TURNS; i++) {
		(void)pthread_mutex_lock(&lock);
		guarded++;
		(void)pthread_mutex_unlock(&lock);
		plain++;
		own++;
	}
	need(own == TURNS);
	/* in their order, by a condition that wakes all of them */
	(void)pthread_mutex_lock(&lock);
	while (turn != me)
		(void)pthread_cond_wait(&changed, &lock);
	turn++;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	return arg;
}

static void *sleep_long(void *arg)
{
	for (;;)
		(void)sleep(100);
	return arg;
}

static void *die_with(void *mutex)
{
	(void)pthread_mutex_lock(mutex);
	return NULL;
}

static void many(void)
{
	pthread_t thread[THREADS];
	void *got;

	need(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
	for (long i = 0; i < THREADS; i++)
		need(pthread_create(&thread[i], NULL, count, (void *)i) == 0);
	for (long i = 0; i < THREADS; i++)
		need(pthread_join(thread[i], &got) == 0 && (long)got == i);
	need(guarded == THREADS * TURNS && plain == guarded && turn == THREADS);
}

static void one_after_another(void)
{
	pthread_t thread;

	for (long i = 0; i < 500; i++) {
		turn = (int)i;
		need(pthread_barrier_init(&barrier, NULL, 1) == 0);
		need(pthread_create(&thread, NULL, count, (void *)i) == 0);
		need(pthread_join(thread, NULL) == 0);
	}
}

int main(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t robust;
	struct timespec soon;
	pthread_t thread;
	void *got;

	many();
	one_after_another();

	need(pthread_create(&thread, NULL, sleep_long, NULL) == 0);
	need(pthread_cancel(thread) == 0);
	need(pthread_join(thread, &got) == 0 && got == PTHREAD_CANCELED);

	(void)pthread_mutexattr_init(&attr);
	need(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
	need(pthread_mutex_init(&robust, &attr) == 0);
	need(pthread_create(&thread, NULL, die_with, &robust) == 0);
	need(pthread_join(thread, NULL) == 0);
	need(pthread_mutex_lock(&robust) == EOWNERDEAD);

	(void)clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	if (soon.tv_nsec >= 1000000000)
		soon.tv_sec++, soon.tv_nsec -= 1000000000;
	(void)pthread_mutex_lock(&lock);
	need(pthread_cond_timedwait(&changed, &lock, &soon) == ETIMEDOUT);
	return 0;
}
