/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile.h - what the escape attempts share.
 *
 * Each attempt is one program that runs inside a sandbox and says how it went: 0 it got
 * out or changed something of the host's, 1 it was stopped, 77 it can't be tried here.
 * One line on standard output tells which step decided. run.sh looks at the host's side
 * as well, so an attempt that only claims to be stopped doesn't pass.
 *
 * Given in the environment: SECRET_FILE, a file of the host's that starts with SECRET,
 * and CANARY_FILE, one to overwrite, both outside of the workspace; CANARY_PID, a process
 * of the caller's; RO_DIR, a directory of the host's shown read-only.
 */
#ifndef BRIG_TEST_HOSTILE_H
#define BRIG_TEST_HOSTILE_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET "brig-secret-"

#define SAY(how, status)                                                           \
	static inline _Noreturn void __attribute__((format(printf, 1, 2), unused)) \
	how(const char *fmt, ...)                                                  \
	{                                                                          \
		va_list ap;                                                        \
                                                                                   \
		printf("%s: ", #how);                                              \
		va_start(ap, fmt);                                                 \
		(void)vprintf(fmt, ap);                                            \
		va_end(ap);                                                        \
		printf("\n");                                                      \
		(void)fflush(stdout);                                              \
		/* a leader's end hangs the terminal up, over its last words */    \
		if (isatty(STDOUT_FILENO))                                         \
			(void)usleep(200000);                                      \
		_exit(status);                                                     \
	}

SAY(escaped, 0)
SAY(stopped, 1)
SAY(untried, 77)

/* A failed step, by errno. What this kernel doesn't have can't be tried. */
static inline _Noreturn void __attribute__((unused)) failed(const char *what)
{
	if (errno == ENOSYS)
		untried("%s: %s", what, strerror(errno));
	stopped("%s: %s", what, strerror(errno));
}

static inline const char *given(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value)
		untried("%s is not given", name);
	return value;
}

/* Does this file hold the host's secret? */
static inline bool holds_secret(int dir, const char *path)
{
	char text[sizeof(SECRET)] = "";
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	return n == (ssize_t)sizeof(text) - 1 && memcmp(text, SECRET, (size_t)n) == 0;
}

/* The secret, looked up from this directory as if it were the host's root. */
static inline bool secret_below(int dir)
{
	return holds_secret(dir, given("SECRET_FILE") + 1);
}

/* Can a file be made here? Leaves none. */
static inline bool can_write(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* Run 'step' in a child; its exit status, so that what it does to itself is gone. */
static inline int in_child(int (*step)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(step());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

/* Call 'visit' with the path of each numbered directory of /proc, followed by 'tail'. */
static inline void __attribute__((unused))
each_process(const char *tail, void (*visit)(const char *path))
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	char path[PATH_MAX];

	while (proc && (d = readdir(proc))) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s%s", d->d_name, tail);
		visit(path);
	}
	if (proc)
		(void)closedir(proc);
}

#endif
