/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.c - how long a command takes where this runs.
 */
#include "measure/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static int ended(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int measure_time(int argc, char **argv)
{
	posix_spawn_file_actions_t files;
	long long then;
	int at = 0, r;
	pid_t pid;

	if (argc > 2 && strcmp(argv[0], "-b") == 0) {
		if (system(argv[1]) != 0)
			return 1;
		at = 2;
	}
	if (at + 1 >= argc || strcmp(argv[at], "--") != 0)
		return 2;
	argv += at + 1;
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	then = measure_now();
	if (posix_spawnp(&pid, argv[0], &files, NULL, argv, environ) != 0)
		measure_fail(argv[0]);
	r = ended(pid);
	printf("%lld\n", measure_now() - then);
	return r;
}

int measure_first(int argc, char **argv)
{
	posix_spawn_file_actions_t files;
	long long then, came;
	char rest[PAGE];
	int p[2], r;
	pid_t pid;

	if (argc < 2 || strcmp(argv[0], "--") != 0)
		return 2;
	if (pipe2(p, O_CLOEXEC) < 0)
		measure_fail("pipe");
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, p[1], 1);
	then = measure_now();
	if (posix_spawnp(&pid, argv[1], &files, NULL, argv + 1, environ) != 0)
		measure_fail(argv[1]);
	(void)close(p[1]);
	r = read(p[0], rest, 1) == 1 ? 0 : 1;
	came = measure_now() - then;
	while (read(p[0], rest, sizeof(rest)) > 0)
		;
	r |= ended(pid);
	if (r == 0)
		printf("%lld\n", came);
	return r;
}

static void *count(void *arg)
{
	volatile uint64_t n = 0;

	for (unsigned i = 0; i < 150000000; i++)
		n += i;
	return arg;
}

int measure_burn(unsigned threads)
{
	pthread_t thread[64];
	long long then = measure_now();

	if (threads == 0 || threads > 64)
		return 2;
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, count, NULL) != 0)
			measure_fail("thread");
	for (unsigned i = 0; i < threads; i++)
		(void)pthread_join(thread[i], NULL);
	printf("%lld\n", measure_now() - then);
	return 0;
}
