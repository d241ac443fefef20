/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/tree-copy.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

struct trees {
	char path[64];
	int from, to;
};

static struct trees make(void)
{
	struct trees t = { .path = "/tmp/brig-tree.XXXXXX" };

	expect(mkdtemp(t.path) && chdir(t.path) == 0);
	expect(mkdir("from", 0755) == 0 && mkdir("to", 0700) == 0);
	t.from = open("from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t.to = open("to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(t.from >= 0 && t.to >= 0);
	return t;
}

static void end(struct trees *t)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", t->path);
	expect(chdir("/") == 0 && system(command) == 0);
}

static void put(const char *path, const char *text, mode_t mode)
{
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	expect(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	expect(fchmod(fd, mode) == 0);
}

static struct stat look(const char *path)
{
	struct stat st;

	expect(lstat(path, &st) == 0);
	return st;
}

TEST(what_is_in_a_tree_is_in_its_copy_with_modes_times_and_links)
{
	const struct timespec old[2] = { { 1000000, 5 }, { 2000000, 123456789 } };
	struct trees t = make();
	struct err e = { 0 };
	char text[16] = { 0 };
	struct stat a, b;

	expect(mkdir("from/d", 0750) == 0 && mkdir("from/d/deep", 0700) == 0);
	put("from/d/file", "contents", 04751);
	expect(link("from/d/file", "from/d/deep/same") == 0);
	expect(symlink("/etc/shadow", "from/link") == 0);
	expect(mkfifo("from/pipe", 0640) == 0);
	(void)setxattr("from/d/file", "user.overlay.x", "value", 5, 0);
	expect(utimensat(AT_FDCWD, "from/d/file", old, 0) == 0);
	expect(utimensat(AT_FDCWD, "from/d", old, 0) == 0);
	expect(tree_copy(t.from, t.to, &e) == 0);
	a = look("to/d/file");
	expect((a.st_mode & 07777) == 04751 && a.st_mtim.tv_sec == 2000000 &&
		a.st_mtim.tv_nsec == 123456789 && a.st_nlink == 2);
	b = look("to/d/deep/same");
	expect(a.st_ino == b.st_ino && a.st_ino != look("from/d/file").st_ino);
	expect((look("to/d").st_mode & 07777) == 0750 &&
		look("to/d").st_mtim.tv_sec == 2000000);
	expect(readlink("to/link", text, sizeof(text)) == 11 &&
		!strcmp(text, "/etc/shadow"));
	expect(S_ISFIFO(look("to/pipe").st_mode));
	expect((look("to").st_mode & 07777) == 0755);
	if (getxattr("from/d/file", "user.overlay.x", text, sizeof(text)) == 5)
		expect(getxattr("to/d/file", "user.overlay.x", text, sizeof(text)) == 5);
	end(&t);
}

TEST(a_removed_name_of_an_overlay_stays_removed)
{
	struct trees t = make();
	struct err e = { 0 };

	if (mknod("from/gone", S_IFCHR, 0) < 0) {
		end(&t);
		test_skip("no device can be made here");
	}
	expect(tree_copy(t.from, t.to, &e) == 0);
	expect(S_ISCHR(look("to/gone").st_mode) && look("to/gone").st_rdev == 0);
	end(&t);
}

TEST(holes_stay_holes)
{
	struct trees t = make();
	struct err e = { 0 };
	int fd = open("from/sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	expect(fd >= 0 && pwrite(fd, "x", 1, 50 << 20) == 1 &&
		ftruncate(fd, 90 << 20) == 0);
	(void)close(fd);
	expect(tree_copy(t.from, t.to, &e) == 0);
	expect(look("to/sparse").st_size == 90 << 20 &&
		look("to/sparse").st_blocks < 4096);
	end(&t);
}

TEST(who_nests_without_end_is_refused)
{
	struct trees t = make();
	struct err e = { 0 };

	expect(chdir("from") == 0);
	for (unsigned i = 0; i < 600; i++)
		expect(mkdir("d", 0700) == 0 && chdir("d") == 0);
	expect(chdir(t.path) == 0);
	expect(tree_copy(t.from, t.to, &e) < 0 && e.msg[0]);
	end(&t);
}
