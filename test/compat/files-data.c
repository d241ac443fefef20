/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: contents of files: opening, lengths and holes, maps, files without a name
 * Expect: container=yes sentry=yes
 * In: workspace tmp
 */
#include "files.h"

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

int main(void)
{
	static void (*const tests[])(
		void) = { test_open, test_length, test_mmap, test_many_open, NULL };

	return run(tests);
}
