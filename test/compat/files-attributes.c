/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: attributes of files: owners, modes, times, special files, xattrs, locks, watches, execution
 * Expect: container=yes sentry=yes
 * In: workspace tmp
 */
#include "files.h"

static void test_attributes(void)
{
	struct timespec t[2] = { { 1234567890, 123456789 }, { 1000000000, 987654321 } };
	struct stat st, after;
	struct statx x;
	int fd;

	put("at", "text");
	ok(!utimensat(AT_FDCWD, "at", t, 0), "times are set");
	st = st_of("at");
	ok(st.st_mtim.tv_sec == 1000000000 && st.st_mtim.tv_nsec / 100 == 9876543,
		"to the nanosecond, or nearly");
	ok(st.st_atim.tv_sec == 1234567890, "the one of reading, too");
	t[0].tv_nsec = UTIME_OMIT;
	t[1] = (struct timespec){ 5, 0 };
	utimensat(AT_FDCWD, "at", t, 0);
	st = st_of("at");
	ok(st.st_mtim.tv_sec == 5 && st.st_atim.tv_sec == 1234567890, "one alone");
	ok(st.st_ctim.tv_sec > 1000000000, "the time of change is now");
	fd = open("at", O_WRONLY | O_CLOEXEC);
	ok(write(fd, "T", 1) == 1 && !fstat(fd, &st) && st.st_mtim.tv_sec > 1000000000,
		"a write sets the time");
	close(fd);
	after = st_of("at");
	ok(!memcmp(&st.st_mtim, &after.st_mtim, sizeof(st.st_mtim)),
		"and closing doesn't, again");
	fd = open("at", O_WRONLY | O_CLOEXEC);
	t[0] = t[1] = (struct timespec){ 77, 0 };
	ok(write(fd, "tt", 2) == 2 && !futimens(fd, t) && !close(fd) &&
			st_of("at").st_mtim.tv_sec == 77,
		"a time set after a write stays");
	st = st_of("at");
	ok(!chmod("at", 04711) && (st_of("at").st_mode & 07777) == 04711, "bits are set");
	after = st_of("at");
	ok(memcmp(&st.st_ctim, &after.st_ctim, sizeof(st.st_ctim)), "which is a change");
	fd = open("tool", O_CREAT | O_RDWR | O_CLOEXEC, 0755);
	ok(write(fd, "x", 1) == 1 && !fchmod(fd, 04755) && !close(fd) &&
			(st_of("tool").st_mode & 07777) == 04755,
		"a setuid bit set after a write stays");
	if (!geteuid()) {
		ok(!chown("at", 10, 20) && st_of("at").st_uid == 10 &&
				st_of("at").st_gid == 20,
			"an owner is set");
		ok(!(st_of("at").st_mode & S_ISUID), "which takes the setuid bit");
		ok(!chown("at", -1, 0) && st_of("at").st_uid == 10 && !st_of("at").st_gid,
			"a group alone");
		if (!fork()) {
			if (setgid(30) || setuid(30))
				_exit(9);
			_exit((open("at", O_WRONLY) < 0 && errno == EACCES ? 0 : 1) |
				(chmod("at", 0777) && errno == EPERM ? 0 : 2));
		}
		int status;
		wait(&status);
		ok(!status, "another user may neither write it nor change it");
		chmod("at", 04777);
		if (!fork()) {
			if (setgid(30) || setuid(30))
				_exit(9);
			fd = open("at", O_WRONLY);
			_exit(write(fd, "!", 1) == 1 && !close(fd) ? 0 : 1);
		}
		wait(&status);
		ok(!status && (st_of("at").st_mode & 07777) == 0777,
			"who writes another's file takes its setuid bit");
		chmod(".", 0777);
		if (!fork()) {
			if (setgid(31) || setuid(32))
				_exit(9);
			fd = open("theirs", O_CREAT | O_EXCL | O_WRONLY, 0604);
			_exit(fd >= 0 && !mkdir("theirs.d", 0705) &&
						!symlink("x", "theirs.l")
					? 0
					: 1);
		}
		wait(&status);
		st = st_of("theirs");
		ok(!status && st.st_uid == 32 && st.st_gid == 31 &&
				(st.st_mode & 07777) == 0604,
			"a file belongs to the user and group that made it");
		st = st_of("theirs.d");
		after = st_of("theirs.l");
		ok(st.st_uid == 32 && st.st_gid == 31 && (st.st_mode & 07777) == 0705 &&
				after.st_uid == 32,
			"a folder and a link, too");
	} else {
		skip("owners", "needs root");
	}
	put("cached", "1");
	ok(!statx(AT_FDCWD, "cached", 0, STATX_BASIC_STATS | STATX_BTIME, &x) &&
			(!(x.stx_mask & STATX_BTIME) || x.stx_btime.tv_sec > 1000000000),
		"a birth is told where it is known");
	struct statvfs v;
	ok(!statvfs(".", &v) && v.f_blocks && v.f_namemax == 255 && v.f_bsize,
		"there is room");
}

static void test_special(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int a, b, status;
	char buf[8];

	ok(!mkfifo("fifo", 0640) && st_of("fifo").st_mode == (S_IFIFO | 0640),
		"a FIFO is made");
	if (!fork()) {
		b = open("fifo", O_WRONLY);
		_exit(write(b, "pipe", 4) != 4);
	}
	a = open("fifo", O_RDONLY | O_CLOEXEC);
	ok(read(a, buf, 8) == 4 && !memcmp(buf, "pipe", 4), "two processes meet in it");
	wait(&status);
	close(a);
	a = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok(!bind(a, (void *)&name, sizeof(name)) && S_ISSOCK(st_of("sock").st_mode),
		"a socket has a name");
	listen(a, 1);
	if (!fork()) {
		b = socket(AF_UNIX, SOCK_STREAM, 0);
		_exit(connect(b, (void *)&name, sizeof(name)) ||
			write(b, "sock", 4) != 4);
	}
	b = accept(a, NULL, NULL);
	ok(read(b, buf, 8) == 4 && !memcmp(buf, "sock", 4), "a process connects to it");
	wait(&status);
	close(a);
	close(b);
	a = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok(refuses(connect(a, (void *)&name, sizeof(name)), ECONNREFUSED),
		"and later to nobody");
	close(a);
	ok(!chmod("fifo", 0600) && !chmod("sock", 0600) && !unlink("fifo") &&
			!unlink("sock"),
		"both take bits, and go");
}

static void test_xattr(void)
{
	char buf[256];

	put("x", "");
	if (setxattr("x", "user.one", "1", 1, 0)) {
		skip("extended attributes", strerror(errno));
		return;
	}
	ok(getxattr("x", "user.one", buf, 256) == 1 && *buf == '1',
		"an attribute is kept");
	ok(refuses(setxattr("x", "user.one", "2", 1, XATTR_CREATE), EEXIST),
		"XATTR_CREATE wants none");
	ok(refuses(setxattr("x", "user.two", "2", 1, XATTR_REPLACE), ENODATA),
		"XATTR_REPLACE wants one");
	ok(!setxattr("x", "user.two", "zwei", 4, 0) &&
			getxattr("x", "user.two", NULL, 0) == 4,
		"its length is told");
	ok(refuses(getxattr("x", "user.two", buf, 2), ERANGE), "and wanted");
	ok(listxattr("x", buf, 256) >= 18, "they are listed");
	ok(!removexattr("x", "user.one") &&
			refuses(getxattr("x", "user.one", buf, 256), ENODATA),
		"one is removed");
	ok(!setxattr(".", "user.dir", "d", 1, 0) &&
			getxattr(".", "user.dir", buf, 256) == 1,
		"a folder has them");
	int fd = open("x", O_RDWR | O_CLOEXEC);
	unlink("x");
	ok(fgetxattr(fd, "user.two", buf, 256) == 4, "a file without a name has them");
	close(fd);
}

static void test_locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	int fd = open("lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600), status;

	ok(!fcntl(fd, F_SETLK, &l) && !flock(fd, LOCK_EX), "a file is locked");
	if (!fork()) {
		int other = open("lock", O_RDWR);

		_exit((fcntl(other, F_SETLK, &l) && (errno == EAGAIN || errno == EACCES)
				      ? 0
				      : 1) |
			(flock(other, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? 0
										 : 2));
	}
	wait(&status);
	ok(!status, "and not by another process");
	close(fd);
}

static void test_watch(void)
{
	int in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), fd;
	uint32_t got = 0;
	char buf[4096];
	ssize_t n;

	mkdir("watched", 0755);
	inotify_add_watch(in, "watched", IN_ALL_EVENTS);
	put("watched/f", "x");
	rename("watched/f", "watched/g");
	fd = open("watched/g", O_RDONLY | O_CLOEXEC);
	read(fd, buf, 1);
	close(fd);
	unlink("watched/g");
	while ((n = read(in, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;) {
			struct inotify_event *e = (void *)p;

			got |= e->mask;
			p += sizeof(*e) + e->len;
		}
	ok((got &
		   (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
			   IN_DELETE | IN_OPEN)) ==
			(IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM |
				IN_MOVED_TO | IN_DELETE | IN_OPEN),
		"who watches a folder is told of all");
	close(in);
}

static void test_exec(void)
{
	int fd, status;

	put("script", "#!/bin/sh\nexit 42\n");
	chmod("script", 0755);
	if (!fork()) {
		execl("./script", "script", NULL);
		_exit(1);
	}
	wait(&status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 42, "a file is executed");
	fd = open("script", O_WRONLY | O_CLOEXEC);
	if (!fork()) {
		execl("./script", "script", NULL);
		_exit(errno == ETXTBSY ? 0 : 1);
	}
	wait(&status);
	ok(!status, "not while it is written");
	close(fd);
	chmod("script", 0644);
	ok(refuses(access("script", X_OK), EACCES), "nor without the bit");
}

int main(void)
{
	static void (*const tests[])(void) = { test_attributes, test_special, test_xattr,
		test_locks, test_watch, test_exec, NULL };

	return run(tests);
}
