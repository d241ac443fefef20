/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.h - statements about the file system of the current directory, one a line.
 *
 * They hold on ext4, and have to on whatever a sandbox has in its place. What needs root or a
 * feature that the file system may lack is said to be skipped.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int count, bad;

static bool say(bool good, const char *format, va_list args)
{
	printf("%s %d - ", good ? "ok" : "not ok", ++count);
	vprintf(format, args);
	putchar('\n');
	bad += !good;
	return good;
}

__attribute__((format(printf, 2, 3))) static bool ok(bool good, const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	say(good, format, args);
	va_end(args);
	if (!good)
		printf("#   errno %d, %s\n", error, strerror(error));
	fflush(stdout);
	errno = 0;
	return good;
}

static void skip(const char *what, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++count, what, why);
}

/* refuses: the call failed, and for this reason. */
static bool refuses(long result, int error)
{
	return result == -1 && errno == error;
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len;

	return fd >= 0 && !close(fd) && good;
}

static bool has(const char *path, const char *text)
{
	char got[4096] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof(got) - 1);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(got, text, n);
}

static struct stat st_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		memset(&st, 0, sizeof(st));
	return st;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino && a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool missing(const char *path)
{
	struct stat st;

	return refuses(lstat(path, &st), ENOENT);
}

/* Run them in a folder of their own, which is removed; 'tests' ends with NULL. */
static int run(void (*const *tests)(void))
{
	char dir[PATH_MAX];
	int status;
	pid_t pid;

	umask(022);
	snprintf(dir, sizeof(dir), "files.%d", (int)getpid());
	if (mkdir(dir, 0755) || chdir(dir)) {
		perror(dir);
		return 2;
	}
	for (; *tests; tests++)
		(*tests)();
	ok(!chdir(".."), "back");
	pid = fork();
	if (!pid) {
		execlp("rm", "rm", "-rf", dir, NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	ok(!status && missing(dir), "all of it is removed");
	if (bad)
		printf("# %d of %d are not as they should be\n", bad, count);
	return bad ? 1 : 0;
}
