/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workspace-test.h - a throw-away tree for the tests of guard, overlay and undo.
 */
#ifndef BRIG_SANDBOX_WORKSPACE_TEST_H
#define BRIG_SANDBOX_WORKSPACE_TEST_H

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/wait.h>

static inline int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Run a shell command; its status. */
static inline int sh(const char *fmt, ...)
{
	va_list ap;
	char *cmd;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&cmd, fmt, ap);
	va_end(ap);
	expect(r > 0);
	r = system(cmd);
	free(cmd);
	return r;
}

#define must(...) expect(sh(__VA_ARGS__) == 0)

static char temp_path[64];

/* Also after a test that failed or skips. */
static inline void temp_gone(void)
{
	struct err e = { 0 };

	if (chdir("/") == 0 && file_remove_tree(AT_FDCWD, temp_path, &e) < 0)
		fprintf(stderr, "%s\n", e.msg);
}

/* A fresh directory, with its path in 'path'; nothing of the caller's git set-up applies.
 */
static inline int temp_tree(char path[64])
{
	int fd;

	(void)snprintf(path, 64, "/tmp/brig-test-XXXXXX");
	expect(mkdtemp(path));
	memcpy(temp_path, path, sizeof(temp_path));
	expect(atexit(temp_gone) == 0);
	(void)umask(022);
	(void)setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	(void)setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	(void)setenv("GIT_AUTHOR_NAME", "t", 1);
	(void)setenv("GIT_AUTHOR_EMAIL", "t@t", 1);
	(void)setenv("GIT_COMMITTER_NAME", "t", 1);
	(void)setenv("GIT_COMMITTER_EMAIL", "t@t", 1);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(fd >= 0);
	return fd;
}

/* Ids of the user whose files the test is about, and of his subordinate range. */
#define TEST_UID   54321
#define TEST_RANGE 700000

static inline void write_map(pid_t pid, const char *what)
{
	char path[64], map[128];
	struct err e = { 0 };

	/* inside, the user is 1000; all else is the range */
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	(void)snprintf(map, sizeof(map), "0 %d 1000\n1000 %d 1\n1001 %d 60000\n",
		TEST_RANGE, TEST_UID, TEST_RANGE + 1001);
	expect(file_poke(AT_FDCWD, path, map, &e) == 0);
}

/* Run 'fn' as root of a user namespace of that user. Skips without root. */
static inline void in_userns(void (*fn)(void *), void *arg)
{
	int ready[2], mapped[2], status;
	char c = 0;
	pid_t pid;

	if (geteuid() != 0)
		test_skip("mapping ids needs root");
	expect(pipe2(ready, O_CLOEXEC) == 0 && pipe2(mapped, O_CLOEXEC) == 0);
	pid = fork();
	expect(pid >= 0);
	if (pid == 0) {
		expect(unshare(CLONE_NEWUSER) == 0 && write(ready[1], &c, 1) == 1);
		expect(read(mapped[0], &c, 1) == 1);
		expect(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
		fn(arg);
		_exit(0);
	}
	expect(read(ready[0], &c, 1) == 1);
	write_map(pid, "uid_map");
	write_map(pid, "gid_map");
	expect(write(mapped[1], &c, 1) == 1);
	expect(waitpid(pid, &status, 0) == pid && status == 0);
}

/* The file's text; the test ends when it can't be read. Caller frees. */
static inline char *slurp(int dir, const char *path)
{
	struct buf b = { 0 };
	struct err e = { 0 };

	if (file_read(dir, path, 1 << 20, &b, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	expect(buf_reserve(&b, 0) == 0);
	return b.data;
}

static inline bool exists(int dir, const char *path)
{
	return faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void holds(int dir, const char *path, const char *want)
{
	auto_free char *got = slurp(dir, path);

	expect_str(got, want);
}

#endif
