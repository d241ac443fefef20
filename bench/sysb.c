/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysb.c - how long small things take where this runs, and how long a command does.
 *
 * Theory of operation. The program is static and the same inside of every sandbox and outside,
 * and times by the clock of where it is: the start of the sandbox, and what carries the command
 * into it, are not in the figure. Small things are repeated in batches of some milliseconds and
 * the best of the batches' medians is left to the caller, who runs it in several rounds.
 *
 *   sysb micro [NAME...]		NAME <TAB> nanoseconds of one, for each
 *   sysb time [-b PREPARE] -- CMD...	nanoseconds of the command; sh runs PREPARE before
 *   sysb first -- CMD...		nanoseconds until the command's first byte of output
 *   sysb burn THREADS			nanoseconds until each of them has counted
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES   15
#define BATCH_NS  4000000LL
#define FILE_NAME "sysb-file"
#define PAGE      4096

static char **environment;
static const char *self;
static int pipes[4] = { -1, -1, -1, -1 }, file = -1;

static void fail(const char *what)
{
	fprintf(stderr, "sysb: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static long long now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* ---- one small thing, n times */

static void do_getppid(unsigned n)
{
	while (n--)
		(void)syscall(SYS_getppid);
}

static void do_clock(unsigned n)
{
	while (n--)
		(void)now();
}

/* Each page of a fresh mapping once; making and removing it is spread over all. */
static void do_fault(unsigned n)
{
	volatile char *p = mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	for (unsigned i = 0; i < n; i++)
		p[(size_t)i * PAGE] = 1;
	(void)munmap((void *)p, (size_t)n * PAGE);
}

static void do_mmap(unsigned n)
{
	while (n--) {
		char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			fail("mmap");
		*p = 1;
		(void)munmap(p, 16 * PAGE);
	}
}

static void do_pread(unsigned n)
{
	char buf[PAGE];

	while (n--)
		if (pread(file, buf, sizeof(buf), 0) != sizeof(buf))
			fail("pread");
}

static void do_stat(unsigned n)
{
	struct stat st;

	while (n--)
		if (stat(FILE_NAME, &st) < 0)
			fail("stat");
}

static void do_open(unsigned n)
{
	while (n--) {
		int fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			fail("open");
		(void)close(fd);
	}
}

static void do_create(unsigned n)
{
	while (n--) {
		int fd = open("sysb-new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd < 0)
			fail("create");
		(void)close(fd);
		(void)unlink("sysb-new");
	}
}

/* There and back, with a process of its own at the far side. */
static void do_pipe(unsigned n)
{
	char c = 'x';

	while (n--)
		if (write(pipes[1], &c, 1) != 1 || read(pipes[2], &c, 1) != 1)
			fail("pipe");
}

static void do_fork(unsigned n)
{
	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			fail("fork");
	}
}

static void do_exec(unsigned n)
{
	char *argv[] = { (char *)self, "nothing", NULL };

	while (n--) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)execve(self, argv, environment);
			_exit(1);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			fail("fork");
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
			fail("thread");
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
	{ "stat", do_stat, 100000 },
	{ "open and close", do_open, 100000 },
	{ "create and unlink", do_create, 10000 },
	{ "pipe there and back", do_pipe, 100000 },
	{ "thread", do_thread, 10000 },
	{ "fork and wait", do_fork, 1000 },
	{ "fork, exec and wait", do_exec, 1000 },
};

/* ---- measuring */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(const struct small *s)
{
	double each[BATCHES];
	unsigned n = 1;
	long long took;

	/* as many as fill a batch */
	for (;;) {
		took = now();
		s->go(n);
		took = now() - took;
		if (took >= BATCH_NS / 2 || n >= s->most)
			break;
		n = took > 0 && BATCH_NS / took < 8 ? (unsigned)(n * BATCH_NS / took) + 1
						    : n * 8;
		if (n > s->most)
			n = s->most;
	}
	for (int i = 0; i < BATCHES; i++) {
		took = now();
		s->go(n);
		each[i] = (double)(now() - took) / n;
	}
	qsort(each, BATCHES, sizeof(*each), compare);
	printf("%s\t%.1f\n", s->name, each[BATCHES / 2]);
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

static int micro(char **names)
{
	static char page[PAGE];
	pid_t far;

	file = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0 || write(file, page, sizeof(page)) != sizeof(page))
		fail(FILE_NAME);
	if (pipe2(pipes, O_CLOEXEC) < 0 || pipe2(pipes + 2, O_CLOEXEC) < 0)
		fail("pipe");
	if ((far = fork()) == 0)
		echo_all();
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		char **name = names;

		while (*name && strcmp(*name, all[i].name) != 0)
			name++;
		if (!*names || *name)
			measure(&all[i]);
	}
	(void)unlink(FILE_NAME);
	(void)close(pipes[1]);
	(void)kill(far, SIGKILL);
	return waitpid(far, NULL, 0) == far ? 0 : 1;
}

static int ended(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int time_command(int argc, char **argv)
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
	then = now();
	if (posix_spawnp(&pid, argv[0], &files, NULL, argv, environment) != 0)
		fail(argv[0]);
	r = ended(pid);
	printf("%lld\n", now() - then);
	return r;
}

static int first_byte(int argc, char **argv)
{
	posix_spawn_file_actions_t files;
	long long then, came;
	char rest[PAGE];
	int p[2], r;
	pid_t pid;

	if (argc < 2 || strcmp(argv[0], "--") != 0)
		return 2;
	if (pipe2(p, O_CLOEXEC) < 0)
		fail("pipe");
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, p[1], 1);
	then = now();
	if (posix_spawnp(&pid, argv[1], &files, NULL, argv + 1, environment) != 0)
		fail(argv[1]);
	(void)close(p[1]);
	r = read(p[0], rest, 1) == 1 ? 0 : 1;
	came = now() - then;
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

static int burn(unsigned threads)
{
	pthread_t thread[64];
	long long then = now();

	if (threads == 0 || threads > 64)
		return 2;
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, count, NULL) != 0)
			fail("thread");
	for (unsigned i = 0; i < threads; i++)
		(void)pthread_join(thread[i], NULL);
	printf("%lld\n", now() - then);
	return 0;
}

int main(int argc, char **argv, char **env)
{
	const char *what = argc > 1 ? argv[1] : "";

	self = argv[0];
	environment = env;
	if (strcmp(what, "nothing") == 0)
		return 0;
	if (strcmp(what, "micro") == 0)
		return micro(argv + 2);
	if (strcmp(what, "time") == 0)
		return time_command(argc - 2, argv + 2);
	if (strcmp(what, "first") == 0)
		return first_byte(argc - 2, argv + 2);
	if (strcmp(what, "burn") == 0 && argc > 2)
		return burn((unsigned)strtoul(argv[2], NULL, 10));
	fprintf(stderr,
		"usage: sysb micro [NAME...] | time [-b PREPARE] -- CMD... | "
		"first -- CMD... | burn THREADS\n");
	return 2;
}
