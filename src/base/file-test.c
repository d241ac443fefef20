/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/test.h"

#include <dirent.h>

static char place[] = "/tmp/brig-file.XXXXXX";

static int make_place(void)
{
	int fd;

	expect(mkdtemp(place));
	fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(fd >= 0);
	return fd;
}

static void end_place(int dir)
{
	(void)close(dir);
	expect(file_remove_tree(AT_FDCWD, place, NULL) == 0);
	expect(access(place, F_OK) < 0);
}

static size_t entries(int dir)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t n = 0;

	expect(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 2;
}

TEST(a_file_is_replaced_whole_and_nothing_stays_beside_it)
{
	auto_buf struct buf b = { 0 };
	int dir = make_place();
	struct stat st;

	expect(file_replace(dir, "f", "one", 3, 0600, FILE_DURABLE, NULL) == 0);
	expect(file_replace(dir, "f", "second", 6, 0640, 0, NULL) == 0);
	expect(file_read(dir, "f", 6, &b, NULL) == 0);
	expect_str(b.data, "second");
	expect(fstatat(dir, "f", &st, 0) == 0 && (st.st_mode & 0777) == 0640);
	expect(entries(dir) == 1);
	end_place(dir);
}

TEST(a_file_that_can_not_be_replaced_stays_and_is_named)
{
	struct err e = { 0 };
	int dir = make_place();

	expect(mkdirat(dir, "d", 0700) == 0);
	expect(file_replace(dir, "d", "x", 1, 0600, 0, &e) < 0);
	expect(strstr(e.msg, "'d'"));
	expect(entries(dir) == 1);
	end_place(dir);
}

TEST(a_file_that_is_too_large_is_not_read)
{
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	int dir = make_place();

	expect(file_replace(dir, "f", "12345", 5, 0600, 0, NULL) == 0);
	expect(file_read(dir, "f", 5, &b, NULL) == 0 && b.len == 5);
	expect(file_read(dir, "f", 4, &b, &e) == -EFBIG);
	expect(strstr(e.msg, "'f'"));
	expect(file_read(dir, "none", 4, &b, &e) == -ENOENT);
	expect(file_read(AT_FDCWD, "/dev/zero", 100000, &b, NULL) == -EFBIG);
	end_place(dir);
}

TEST(missing_parents_are_made)
{
	auto_fd int deep = -1;
	int dir = make_place();

	expect(file_mkdirs(dir, "a/b/c", 0700, NULL) == 0);
	expect(file_mkdirs(dir, "a/b/c", 0700, NULL) == 0);
	deep = file_open_dir(dir, "a/x/y", 0700, NULL);
	expect(deep >= 0);
	expect(file_replace(dir, "f", "", 0, 0600, 0, NULL) == 0);
	expect(file_mkdirs(dir, "f/g", 0700, NULL) == -ENOTDIR);
	expect(file_open_dir(dir, "f", 0700, NULL) == -ENOTDIR);
	end_place(dir);
}

TEST(a_tree_is_removed_links_are_not_followed)
{
	auto_buf struct buf b = { 0 };
	int dir = make_place();

	expect(file_mkdirs(dir, "t/locked/in", 0700, NULL) == 0);
	expect(file_mkdirs(dir, "other", 0700, NULL) == 0);
	expect(file_replace(dir, "other/keep", "x", 1, 0600, 0, NULL) == 0);
	expect(symlinkat("../other", dir, "t/link") == 0);
	expect(symlinkat("/", dir, "t/locked/root") == 0);
	expect(mknodat(dir, "t/fifo", S_IFIFO | 0600, 0) == 0);
	expect(fchmodat(dir, "t/locked/in", 0, 0) == 0 &&
		fchmodat(dir, "t/locked", 0500, 0) == 0);
	expect(file_remove_tree(dir, "t", NULL) == 0);
	expect(faccessat(dir, "t", F_OK, 0) < 0);
	expect(file_read(dir, "other/keep", 9, &b, NULL) == 0);
	expect(file_remove_tree(dir, "t", NULL) == 0);
	end_place(dir);
}

TEST(a_tree_that_is_too_deep_is_refused)
{
	struct err e = { 0 };
	int dir = make_place(), at = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 700; i++) {
		int next;

		expect(mkdirat(at, "d", 0700) == 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(at);
		at = next;
	}
	(void)close(at);
	expect(file_remove_tree(dir, "d", &e) == -ELOOP);
	/* take some off the top, as a person would */
	expect(file_mkdirs(dir, "out", 0700, NULL) == 0);
	at = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 400; i++) {
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		expect(next >= 0);
		(void)close(at);
		at = next;
	}
	expect(renameat(at, "d", dir, "rest") == 0);
	(void)close(at);
	expect(file_remove_tree(dir, "rest", NULL) == 0);
	end_place(dir);
}

TEST(bytes_are_copied)
{
	auto_buf struct buf b = { 0 };
	auto_fd int from = -1, to = -1,
		    zero = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	int dir = make_place();
	char chunk[100000];

	memset(chunk, 'x', sizeof(chunk));
	expect(file_replace(dir, "from", chunk, sizeof(chunk), 0600, 0, NULL) == 0);
	from = openat(dir, "from", O_RDONLY | O_CLOEXEC);
	to = openat(dir, "to", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	expect(file_copy_fd(from, to, NULL) == 0);
	expect(file_read(dir, "to", sizeof(chunk), &b, NULL) == 0 &&
		b.len == sizeof(chunk));
	/* a file of /proc says that it is empty, and isn't */
	expect(ftruncate(to, 0) == 0 && lseek(to, 0, SEEK_SET) == 0);
	expect(file_copy_fd(zero, to, NULL) == 0 && lseek(to, 0, SEEK_CUR) > 5);
	end_place(dir);
}

TEST(a_copy_keeps_its_holes)
{
	auto_fd int from = -1, to = -1;
	int dir = make_place();
	struct stat st;
	char got[5] = "";

	from = openat(dir, "from", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	to = openat(dir, "to", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	expect(pwrite(from, "begin", 5, 0) == 5 &&
		pwrite(from, "middl", 5, 8 << 20) == 5);
	expect(ftruncate(from, 64 << 20) == 0);
	expect(file_copy_fd(from, to, NULL) == 0);
	expect(fstat(to, &st) == 0 && st.st_size == 64 << 20 && st.st_blocks < 1024);
	expect(pread(to, got, 5, 8 << 20) == 5 && memcmp(got, "middl", 5) == 0);
	expect(pread(to, got, 5, 0) == 5 && memcmp(got, "begin", 5) == 0);
	end_place(dir);
}

TEST(a_file_is_poked_only_when_it_is_there)
{
	struct err e = { 0 };
	int dir = make_place();

	expect(file_poke(dir, "none", "1", &e) == -ENOENT);
	expect(strstr(e.msg, "'none'"));
	expect(symlinkat("f", dir, "link") == 0);
	expect(file_replace(dir, "f", "0", 1, 0600, 0, NULL) == 0);
	expect(file_poke(dir, "link", "1", NULL) == -ELOOP);
	expect(file_poke(dir, "f", "1", NULL) == 0);
	end_place(dir);
}
