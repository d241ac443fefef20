// SPDX-License-Identifier: Apache-2.0
/*
 * fs-posix.c - what programs expect of a file system, in the directory given.
 *
 *	fs-posix DIR
 *
 * Makes a folder of its own in DIR and removes it. Every line is a statement about the file
 * system. It passes on ext4, and has to on whatever a guest has in its place. What needs root
 * or a feature that the file system may lack is skipped, and says so.
 */
#define _GNU_SOURCE
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

static void test_open(void)
{
	struct stat st;
	char buf[16];
	int fd, more;

	fd = open("new", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640);
	ok(fd >= 0, "a file is made");
	ok(!fstat(fd, &st) && st.st_mode == (S_IFREG | 0640) && !st.st_size &&
			st.st_nlink == 1,
		"it has its bits, no length and one name");
	ok(st.st_uid == geteuid(), "it belongs to who made it");
	ok(refuses(open("new", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST),
		"O_EXCL wants no other");
	ok(write(fd, "hello", 5) == 5 && pread(fd, buf, 16, 1) == 4 &&
			!memcmp(buf, "ello", 4),
		"what was written can be read");
	more = open("new", O_RDONLY | O_CLOEXEC);
	ok(read(more, buf, 16) == 5, "another descriptor sees it at once");
	ok(!fstat(more, &st) && st.st_size == 5, "and the length");
	close(more);
	more = open("new", O_WRONLY | O_APPEND | O_CLOEXEC);
	ok(write(more, " you", 4) == 4 && lseek(more, 0, SEEK_CUR) == 9,
		"O_APPEND writes at the end");
	close(more);
	ok(!unlink("new") && missing("new"), "its name is removed");
	ok(pread(fd, buf, 16, 0) == 9 && pwrite(fd, "more", 4, 9) == 4,
		"a file without a name is read and written");
	ok(!fstat(fd, &st) && !st.st_nlink && st.st_size == 13, "and has no link");
	ok(!fchmod(fd, 0600) && !fstat(fd, &st) && (st.st_mode & 07777) == 0600,
		"and takes other bits");
	ok(!ftruncate(fd, 4) && pread(fd, buf, 16, 0) == 4, "and another length");
	close(fd);

	ok(put("t", "1234567890"), "a file is written");
	fd = open("t", O_RDWR | O_TRUNC | O_CLOEXEC);
	ok(!fstat(fd, &st) && !st.st_size && !st.st_blocks, "O_TRUNC empties it");
	close(fd);
	ok(!put("none/such", "") && errno == ENOENT, "no file in a folder that isn't");
	ok(refuses(open("t/x", O_RDONLY), ENOTDIR), "nor in a file");
	ok(refuses(open(".", O_WRONLY), EISDIR), "no folder is written to");
	ok(refuses(open("t", O_RDONLY | O_DIRECTORY), ENOTDIR), "a file is no folder");
	umask(027);
	fd = open("masked", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	umask(022);
	ok((st_of("masked").st_mode & 0777) == 0640, "the umask holds");
	close(fd);
	fd = open("ro", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0);
	ok(fd >= 0 && write(fd, "x", 1) == 1 && !close(fd) &&
			st_of("ro").st_mode == S_IFREG,
		"who makes a file that nobody may write writes it");
	fd = open("direct", O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	ok(fd >= 0, "O_DIRECT is accepted");
	close(fd);
	char name[NAME_MAX + 2];
	memset(name, 'n', sizeof(name) - 1);
	name[NAME_MAX + 1] = 0;
	ok(refuses(open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG),
		"256 letters are too many");
	name[NAME_MAX] = 0;
	ok(put(name, "x") && !unlink(name), "255 are not");
	ok(put("\xff\xfe \n\\", "x") && has("\xff\xfe \n\\", "x"),
		"a name may be any bytes");
}

static void test_links(void)
{
	struct stat a, b;
	char to[PATH_MAX];

	put("one", "1");
	ok(!link("one", "two"), "a file gets a second name");
	a = st_of("one");
	b = st_of("two");
	ok(same(&a, &b) && a.st_nlink == 2 && b.st_nlink == 2,
		"both are one file with two links");
	put("two", "zwei");
	ok(has("one", "zwei"), "what is written by one name is read by the other");
	ok(refuses(link("one", "two"), EEXIST), "a link replaces nothing");
	ok(!unlink("one") && st_of("two").st_nlink == 1 && has("two", "zwei"),
		"one name goes");
	ok(refuses(link(".", "dir"), EPERM), "a folder has one name");
	ok(!symlink("two", "sym") && readlink("sym", to, sizeof(to)) == 3 &&
			!memcmp(to, "two", 3),
		"a symbolic link says where to");
	ok(has("sym", "zwei"), "and leads there");
	ok(st_of("sym").st_size == 3 && S_ISLNK(st_of("sym").st_mode),
		"and is as long as its target");
	ok(refuses(open("sym", O_RDONLY | O_NOFOLLOW), ELOOP), "O_NOFOLLOW stops at it");
	ok(!symlink("nowhere", "dangling") && refuses(open("dangling", O_RDONLY), ENOENT),
		"one may lead nowhere");
	ok(!symlink("loop", "loop") && refuses(open("loop", O_RDONLY), ELOOP),
		"or to itself");
	memset(to, 'x', 4000);
	to[4000] = 0;
	ok(!symlink(to, "long") && st_of("long").st_size == 4000,
		"one may be 4000 bytes long");
	ok(!linkat(AT_FDCWD, "sym", AT_FDCWD, "sym2", 0) &&
			S_ISLNK(st_of("sym2").st_mode),
		"a symbolic link gets a second name");
	struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
	ok(!utimensat(AT_FDCWD, "sym", t, AT_SYMLINK_NOFOLLOW) &&
			st_of("sym").st_mtim.tv_sec == 2000 &&
			st_of("two").st_mtim.tv_sec != 2000,
		"its own time is set, not its target's");
	if (!geteuid())
		ok(!lchown("sym", 12, 34) && st_of("sym").st_uid == 12 &&
				st_of("two").st_uid == 0,
			"its own owner, not its target's");
	else
		skip("the owner of a link", "needs root");
}

static int rename2(const char *from, const char *to, unsigned int flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void test_rename(void)
{
	struct stat a, b;
	char buf[8];
	int fd;

	put("a", "A");
	put("b", "B");
	a = st_of("a");
	fd = open("b", O_RDONLY | O_CLOEXEC);
	ok(!rename("a", "b") && has("b", "A") && missing("a"), "a rename replaces");
	b = st_of("b");
	ok(same(&a, &b), "the file is the one it was");
	ok(read(fd, buf, 8) == 1 && *buf == 'B',
		"who has the replaced one open keeps it");
	ok(!fstat(fd, &b) && !b.st_nlink, "which has no name any more");
	close(fd);
	put("c", "C");
	ok(refuses(rename2("b", "c", RENAME_NOREPLACE), EEXIST) && has("c", "C"),
		"RENAME_NOREPLACE replaces nothing");
	ok(!rename2("b", "d", RENAME_NOREPLACE) && has("d", "A"), "and moves otherwise");
	ok(!rename2("c", "d", RENAME_EXCHANGE) && has("c", "A") && has("d", "C"),
		"RENAME_EXCHANGE exchanges");
	mkdir("dir", 0755);
	mkdir("dir/in", 0755);
	put("dir/in/f", "F");
	ok(!rename2("c", "dir", RENAME_EXCHANGE) && has("dir", "A") && has("c/in/f", "F"),
		"a file and a folder, too");
	ok(refuses(rename("c", "c/in/x"), EINVAL), "a folder doesn't go into itself");
	ok(!rename("c", "moved") && has("moved/in/f", "F"),
		"a folder is moved with what is in it");
	mkdir("full", 0755);
	put("full/x", "");
	ok(refuses(rename("moved", "full"), ENOTEMPTY) || errno == EEXIST,
		"it doesn't replace one that is not empty");
	unlink("full/x");
	ok(!rename("moved", "full") && has("full/in/f", "F"), "and does an empty one");
	ok(refuses(rename("full", "d"), ENOTDIR), "a folder doesn't replace a file");
	ok(refuses(rename("d", "full"), EISDIR), "nor a file a folder");
	ok(refuses(rename("none", "d"), ENOENT), "what isn't there isn't moved");
	link("d", "d2");
	ok(!rename("d", "d2") && has("d", "C") && has("d2", "C"),
		"two names of one file stay two names");
	fd = open("full/in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rename("full", "full2");
	ok(openat(fd, "f", O_RDONLY | O_CLOEXEC) >= 0,
		"an open folder is where its parents went");
	close(fd);
	for (int i = 0; i < 200; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		if (!put("conf.new", text) || rename("conf.new", "conf") ||
			!has("conf", text)) {
			ok(false, "a file is replaced 200 times, and always the last");
			return;
		}
	}
	ok(true, "a file is replaced 200 times, and always the last");
}

static void test_folders(void)
{
	struct stat st;
	int fd;

	ok(!mkdir("f", 0750) && (st_of("f").st_mode & 07777) == 0750, "a folder is made");
	ok(refuses(mkdir("f", 0750), EEXIST), "once");
	nlink_t links = st_of("f").st_nlink;
	mkdir("f/g", 0755);
	ok(links != 2 || st_of("f").st_nlink == 3, "a folder in it is a link");
	ok(refuses(rmdir("f"), ENOTEMPTY), "one that is not empty stays");
	ok(refuses(unlink("f/g"), EISDIR), "unlink removes no folder");
	fd = open("f/g", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(!rmdir("f/g") && missing("f/g"), "an empty one goes");
	ok(refuses(openat(fd, "x", O_CREAT | O_RDWR, 0600), ENOENT),
		"nothing is made in one that went");
	ok(!fstat(fd, &st) && !st.st_nlink, "which has no link");
	close(fd);
	ok(refuses(rmdir("f/."), EINVAL), "'.' is not removed");
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	utimensat(AT_FDCWD, "f", old, 0);
	put("f/new", "");
	ok(st_of("f").st_mtim.tv_sec > 1000, "a new file is a change of its folder");
	utimensat(AT_FDCWD, "f", old, 0);
	unlink("f/new");
	ok(st_of("f").st_mtim.tv_sec > 1000, "a file that went, too");
	if (!geteuid()) {
		ok(!chown("f", 0, 77) && !chmod("f", 02775) && put("f/inherits", "") &&
				st_of("f/inherits").st_gid == 77,
			"a folder with the setgid bit gives its group on");
		mkdir("f/sub", 0755);
		ok(st_of("f/sub").st_gid == 77 && st_of("f/sub").st_mode & S_ISGID,
			"and to a folder the bit, too");
	} else {
		skip("the setgid bit of a folder", "needs root");
	}
}

static int list(DIR *dir, int *ret_types)
{
	struct dirent *d;
	int n = 0;

	*ret_types = 0;
	while ((d = readdir(dir))) {
		n += d->d_name[0] != '.';
		*ret_types += d->d_type == DT_REG;
	}
	return n;
}

static void test_listing(void)
{
	enum { MANY = 3000 };
	static char seen[MANY];
	struct dirent *d;
	char name[300];
	long at = 0;
	int types, n = 0;
	DIR *dir;

	mkdir("many", 0755);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many/file-with-a-longer-name-%d", i);
		n += put(name, "");
	}
	dir = opendir("many");
	ok(n == MANY && list(dir, &types) == MANY && types == MANY,
		"3000 files are listed once");
	rewinddir(dir);
	put("many/late", "");
	rewinddir(dir);
	ok(list(dir, &types) == MANY + 1, "a rewound listing has what came later");
	rewinddir(dir);
	for (int i = 0; i < 1000; i++)
		readdir(dir);
	at = telldir(dir);
	d = readdir(dir);
	snprintf(name, sizeof(name), "%s", d ? d->d_name : "");
	list(dir, &types);
	seekdir(dir, at);
	d = readdir(dir);
	ok(d && !strcmp(d->d_name, name), "seekdir goes to where telldir was");
	closedir(dir);
	dir = opendir("many");
	n = 0;
	while ((d = readdir(dir))) {
		int number;

		if (sscanf(d->d_name, "file-with-a-longer-name-%d", &number) == 1 &&
			number < MANY) {
			seen[number]++;
			unlinkat(dirfd(dir), d->d_name, 0);
		}
	}
	closedir(dir);
	for (int i = 0; i < MANY; i++)
		n += seen[i] == 1;
	ok(n == MANY, "files removed while they are listed come once each");
	unlink("many/late");
	ok(!rmdir("many"), "and then the folder is empty");
	mkdir("kinds", 0755);
	put("kinds/r", "");
	mkdir("kinds/d", 0755);
	symlink("x", "kinds/l");
	mkfifo("kinds/p", 0600);
	dir = opendir("kinds");
	n = 0;
	while ((d = readdir(dir)))
		n += (d->d_name[0] == 'r' && d->d_type == DT_REG) +
			(d->d_name[0] == 'd' && d->d_type == DT_DIR) +
			(d->d_name[0] == 'l' && d->d_type == DT_LNK) +
			(d->d_name[0] == 'p' && d->d_type == DT_FIFO) +
			(!strcmp(d->d_name, ".") && d->d_ino == st_of("kinds").st_ino) +
			!strcmp(d->d_name, "..");
	closedir(dir);
	ok(n == 6, "a listing tells kinds, itself and its parent");
}

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

static void test_length(void)
{
	char buf[8192], zero[8192] = { 0 };
	struct stat st;
	off_t at;
	int fd;

	fd = open("sparse", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ok(pwrite(fd, "end", 3, 5LL << 30) == 3 && !fstat(fd, &st) &&
			st.st_size == (5LL << 30) + 3,
		"a file is longer than 4 GiB");
	fsync(fd);
	ok(!fstat(fd, &st) && st.st_blocks < 1000, "what wasn't written takes no room");
	ok(pread(fd, buf, 8192, 1 << 20) == 8192 && !memcmp(buf, zero, 8192),
		"and reads as nothing");
	at = lseek(fd, 0, SEEK_DATA);
	ok(at > 4LL << 30 && at <= 5LL << 30, "SEEK_DATA finds what was");
	ok(lseek(fd, 0, SEEK_HOLE) == 0, "SEEK_HOLE what wasn't");
	ok(refuses(lseek(fd, 6LL << 30, SEEK_DATA), ENXIO),
		"beyond the end there is nothing");
	ok(!ftruncate(fd, 100) && !fstat(fd, &st) && st.st_size == 100, "it is cut");
	ok(!ftruncate(fd, 10000) && pread(fd, buf, 8192, 0) == 8192 &&
			!memcmp(buf, zero, 8192),
		"and made long again with nothing");
	memset(buf, 'x', sizeof(buf));
	pwrite(fd, buf, 8192, 0);
	ok(!ftruncate(fd, 1000) && !ftruncate(fd, 8192) &&
			pread(fd, buf, 8192, 0) == 8192 && buf[999] == 'x' &&
			!memcmp(buf + 1000, zero, 7192),
		"what was cut doesn't come back");
	ok(!truncate("sparse", 7) && !fstat(fd, &st) && st.st_size == 7, "by name, too");
	ok(refuses(ftruncate(fd, -1), EINVAL), "nothing is shorter than empty");
	close(fd);

	fd = open("alloc", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fallocate(fd, 0, 0, 1 << 20)) {
		skip("fallocate", strerror(errno));
		close(fd);
		return;
	}
	ok(!fstat(fd, &st) && st.st_size == 1 << 20 && st.st_blocks >= 2000,
		"room is taken ahead");
	ok(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 1 << 20, 1 << 20) && !fstat(fd, &st) &&
			st.st_size == 1 << 20,
		"beyond the end, too");
	memset(buf, 'x', sizeof(buf));
	for (int i = 0; i < 8; i++)
		pwrite(fd, buf, 8192, i * 8192);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192 + 100, 20000))
		skip("a hole", strerror(errno));
	else
		ok(pread(fd, buf, 8192, 8192) == 8192 && buf[99] == 'x' &&
				!memcmp(buf + 100, zero, 8092) &&
				pread(fd, buf, 8192, 24576) == 8192 &&
				!memcmp(buf, zero, 3716) && buf[3716] == 'x',
			"a hole is punched, and nothing beside it");
	if (fallocate(fd, FALLOC_FL_ZERO_RANGE, 40960, 100))
		skip("zeroes", strerror(errno));
	else
		ok(pread(fd, buf, 8192, 40960) == 8192 && !memcmp(buf, zero, 100) &&
				buf[100] == 'x',
			"a range is emptied");
	close(fd);
}

static void test_mmap(void)
{
	char buf[64], *a, *b;
	int fd, other, status;

	fd = open("map", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ftruncate(fd, 20000);
	a = mmap(NULL, 20000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(a != MAP_FAILED, "a file is mapped");
	strcpy(a + 5000, "by memory");
	ok(pread(fd, buf, 9, 5000) == 9 && !memcmp(buf, "by memory", 9),
		"what is stored can be read");
	pwrite(fd, "by call", 7, 9000);
	ok(!memcmp(a + 9000, "by call", 7), "what is written is there in memory");
	if (!fork()) {
		other = open("map", O_RDWR);
		b = mmap(NULL, 20000, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
		strcpy(b + 100, "child");
		_exit(strcmp(b + 5000, "by memory") ? 1 : 0);
	}
	wait(&status);
	ok(!status && !strcmp(a + 100, "child"), "two processes share it");
	ok(!msync(a, 20000, MS_SYNC), "it is made to last");
	close(fd);
	strcpy(a + 200, "after close");
	munmap(a, 20000);
	fd = open("map", O_RDWR | O_CLOEXEC);
	ok(pread(fd, buf, 11, 200) == 11 && !memcmp(buf, "after close", 11),
		"a map outlives its descriptor");
	a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	strcpy(a + 200, "private");
	ok(pread(fd, buf, 11, 200) == 11 && !memcmp(buf, "after close", 11),
		"a private one is private");
	munmap(a, 4096);
	a = mmap(NULL, 20000, PROT_READ, MAP_SHARED, fd, 0);
	unlink("map");
	ok(!strcmp(a + 200, "after close"), "a map outlives the name");
	munmap(a, 20000);
	close(fd);
	fd = open("rdonly", O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
	ok(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
			errno == EACCES,
		"who may not write maps nothing to write");
	close(fd);
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

static void test_tmpfile(void)
{
	char path[64];
	struct stat st;
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);

	if (fd < 0) {
		skip("a file without a name", strerror(errno));
		return;
	}
	ok(write(fd, "tmp", 3) == 3 && !fstat(fd, &st) && !st.st_nlink,
		"a file is made without a name");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ok(!linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) &&
			has("named", "tmp") && (st_of("named").st_mode & 07777) == 0640 &&
			st_of("named").st_nlink == 1,
		"and gets one later");
	close(fd);
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

/* Deeper than a path can be. */
static void test_deep(void)
{
	enum { DEEP = 60 };
	char name[101];
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), next, made = 0;

	memset(name, 'd', 100);
	name[100] = 0;
	for (int i = 0; i < DEEP; i++) {
		if (mkdirat(fd, name, 0755))
			break;
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
		made += fd >= 0;
	}
	ok(made == DEEP, "folders are nested deeper than a path is long");
	next = openat(fd, "bottom", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ok(next >= 0 && write(next, "x", 1) == 1 && !close(next),
		"and a file is at the bottom");
	ok(!unlinkat(fd, "bottom", 0), "from where it goes");
	close(fd);
	pid_t pid = fork();
	if (!pid) {
		execlp("rm", "rm", "-rf", name, NULL);
		_exit(1);
	}
	int status;
	waitpid(pid, &status, 0);
	ok(!status && missing(name), "rm -r finds its way down");
}

static void test_many_open(void)
{
	static int fds[600];
	char name[32], buf[32];
	int good = 0;

	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "open%d", i);
		fds[i] = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		good += write(fds[i], name, strlen(name)) == (ssize_t)strlen(name);
		unlink(name);
	}
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "open%d", i);
		good += pread(fds[i], buf, 32, 0) == (ssize_t)strlen(name) &&
			!memcmp(buf, name, strlen(name));
		close(fds[i]);
	}
	ok(good == 1200, "600 files without names are open at once");
}

/* As dpkg and tar do in many processes. */
static void test_parallel(void)
{
	enum { WORKERS = 4, ROUNDS = 150 };
	int status, good = 0;

	mkdir("par", 0755);
	for (int w = 0; w < WORKERS; w++) {
		if (fork())
			continue;
		for (int i = 0; i < ROUNDS; i++) {
			char new[64], name[64], text[32];

			snprintf(new, sizeof(new), "par/w%d-%d.new", w, i);
			snprintf(name, sizeof(name), "par/w%d-%d", w, i % 20);
			snprintf(text, sizeof(text), "%d %d", w, i);
			if (!put(new, text) || rename(new, name) || !has(name, text))
				_exit(1);
			/* and one that all fight for */
			if (!put(new, text) || rename(new, "par/shared"))
				_exit(2);
			if (access("par/shared", R_OK))
				_exit(3);
		}
		_exit(0);
	}
	for (int w = 0; w < WORKERS; w++) {
		wait(&status);
		good += !status;
	}
	ok(good == WORKERS, "four processes rename in one folder");
}

int main(int argc, char **argv)
{
	char dir[PATH_MAX];
	pid_t pid;

	if (argc != 2 || chdir(argv[1])) {
		fprintf(stderr, "fs-posix DIR\n");
		return 2;
	}
	umask(022);
	snprintf(dir, sizeof(dir), "fs-posix.%d", (int)getpid());
	if (mkdir(dir, 0755) || chdir(dir)) {
		perror(dir);
		return 2;
	}
	test_open();
	test_links();
	test_rename();
	test_folders();
	test_listing();
	test_attributes();
	test_length();
	test_mmap();
	test_special();
	test_tmpfile();
	test_xattr();
	test_locks();
	test_watch();
	test_exec();
	test_deep();
	test_many_open();
	test_parallel();
	ok(!chdir(".."), "back");
	pid = fork();
	if (!pid) {
		execlp("rm", "rm", "-rf", dir, NULL);
		_exit(1);
	}
	int status;
	waitpid(pid, &status, 0);
	ok(!status && missing(dir), "all of it is removed");
	printf("1..%d\n", count);
	if (bad)
		printf("# %d of %d are not as they should be\n", bad, count);
	return bad ? 1 : 0;
}
