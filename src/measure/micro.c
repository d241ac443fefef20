/* SPDX-License-Identifier: Apache-2.0 */
/*
 * micro.c - how long small things take where this runs.
 *
 * Each is repeated in batches of some milliseconds, and the median of the batches is told.
 * How far it spreads is told by whoever runs it in several rounds.
 */
#include "measure/measure.h"

#include "base/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCHES   15
#define BATCH_NS  4000000LL
#define FILE_NAME "measure-file"
#define PAGE      4096

static const char *self;
static int pipes[4] = { -1, -1, -1, -1 }, file = -1;

/* ---- one small thing, n times */

static void do_getppid(unsigned n)
{
	while (n--)
		(void)syscall(SYS_getppid);
}

static void do_clock(unsigned n)
{
	while (n--)
		(void)measure_now();
}

/* Each page of a fresh mapping once; making and removing it is spread over all. */
static void do_fault(unsigned n)
{
	volatile char *p = mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		measure_fail("mmap");
	for (unsigned i = 0; i < n; i++)
		p[(size_t)i * PAGE] = 1;
	(void)munmap((void *)(uintptr_t)p, (size_t)n * PAGE);
}

static void do_mmap(unsigned n)
{
	while (n--) {
		char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			measure_fail("mmap");
		*p = 1;
		(void)munmap(p, 16 * PAGE);
	}
}

static void do_pread(unsigned n)
{
	char buf[PAGE];

	while (n--)
		if (pread(file, buf, sizeof(buf), 0) != sizeof(buf))
			measure_fail("pread");
}

static void do_pwrite(unsigned n)
{
	static const char buf[PAGE];

	while (n--)
		if (pwrite(file, buf, sizeof(buf), 0) != sizeof(buf))
			measure_fail("pwrite");
}

static void do_stat(unsigned n)
{
	struct stat st;

	while (n--)
		if (stat(FILE_NAME, &st) < 0)
			measure_fail("stat");
}

static void do_open(unsigned n)
{
	while (n--) {
		int fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			measure_fail("open");
		(void)close(fd);
	}
}

static void do_create(unsigned n)
{
	while (n--) {
		int fd = open(
			"measure-new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd < 0)
			measure_fail("create");
		(void)close(fd);
		(void)unlink("measure-new");
	}
}

/* There and back, with a process of its own at the far side. */
static void do_pipe(unsigned n)
{
	char c = 'x';

	while (n--)
		if (write(pipes[1], &c, 1) != 1 || read(pipes[2], &c, 1) != 1)
			measure_fail("pipe");
}

static void do_fork(unsigned n)
{
	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			measure_fail("fork");
	}
}

static void do_exec(unsigned n)
{
	char *argv[] = { (char *)(uintptr_t)self, (char *)(uintptr_t) "nothing", NULL };

	while (n--) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)execve(self, argv, environ);
			_exit(1);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			measure_fail("fork");
	}
}

static void *no_thread(void *arg)
{
	return arg;
}

static void do_thread(unsigned n)
{
	pthread_t thread;

	while (n--)
		if (pthread_create(&thread, NULL, no_thread, NULL) != 0 ||
			pthread_join(thread, NULL) != 0)
			measure_fail("thread");
}

static const struct small {
	const char *name;
	void (*go)(unsigned n);
	unsigned most; /* in one batch */
} all[] = {
	{ "getppid", do_getppid, 1000000 },
	{ "clock_gettime", do_clock, 1000000 },
	{ "page fault", do_fault, 4096 },
	{ "mmap and munmap", do_mmap, 100000 },
	{ "pread 4 KiB", do_pread, 100000 },
	{ "pwrite 4 KiB", do_pwrite, 100000 },
	{ "stat", do_stat, 100000 },
	{ "open and close", do_open, 100000 },
	{ "create and unlink", do_create, 10000 },
	{ "pipe there and back", do_pipe, 100000 },
	{ "thread", do_thread, 10000 },
	{ "fork and wait", do_fork, 1000 },
	{ "fork, exec and wait", do_exec, 1000 },
};

/* ---- measuring */

static void repeat(const struct small *s)
{
	auto_sample struct sample each = { 0 };
	unsigned n = 1;
	long long took;

	/* as many as fill a batch */
	for (;;) {
		took = measure_now();
		s->go(n);
		took = measure_now() - took;
		if (took >= BATCH_NS / 2 || n >= s->most)
			break;
		n = took > 0 && BATCH_NS / took < 8 ? (unsigned)(n * BATCH_NS / took) + 1
						    : n * 8;
		if (n > s->most)
			n = s->most;
	}
	for (int i = 0; i < BATCHES; i++) {
		took = measure_now();
		s->go(n);
		if (sample_add(&each, (double)(measure_now() - took) / n) < 0)
			measure_fail("memory");
	}
	printf("%s\t%.1f\n", s->name, sample_median(&each));
	(void)fflush(stdout);
}

/* The far side of the pipe: ends when its pipe does. */
static void echo_all(void)
{
	char c;

	(void)close(pipes[1]);
	(void)close(pipes[2]);
	while (read(pipes[0], &c, 1) == 1 && write(pipes[3], &c, 1) == 1)
		;
	_exit(0);
}

int measure_micro(const char *program, char **names)
{
	static char page[PAGE];
	pid_t far;

	self = program;
	file = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0 || write(file, page, sizeof(page)) != sizeof(page))
		measure_fail(FILE_NAME);
	if (pipe2(pipes, O_CLOEXEC) < 0 || pipe2(pipes + 2, O_CLOEXEC) < 0)
		measure_fail("pipe");
	if ((far = fork()) == 0)
		echo_all();
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		char **name = names;

		while (*name && strcmp(*name, all[i].name) != 0)
			name++;
		if (!*names || *name)
			repeat(&all[i]);
	}
	(void)unlink(FILE_NAME);
	(void)close(pipes[1]);
	(void)kill(far, SIGKILL);
	return waitpid(far, NULL, 0) == far ? 0 : 1;
}
