/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: files without a name, and names that change places: O_TMPFILE, linkat, renameat2
 * Expect: container=yes sentry=yes
 * In: workspace tmp
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "probe.h"

static void make(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	need(fd >= 0 && write(fd, text, 1) == 1 && close(fd) == 0);
}

static char first(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	char c = 0;

	need(fd >= 0 && read(fd, &c, 1) == 1 && close(fd) == 0);
	return c;
}

static void nameless(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	char path[64];
	struct stat st;

	need(fd >= 0);
	need(write(fd, "t", 1) == 1);
	need(fstat(fd, &st) == 0 && st.st_nlink == 0 && S_ISREG(st.st_mode));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	need(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
	need(first("named") == 't');
	need(fstat(fd, &st) == 0 && st.st_nlink == 1 && (st.st_mode & 0777) == 0640);
	need(unlink("named") == 0);
}

/* A file that was unlinked lives on in its descriptor. */
static void unlinked(void)
{
	char c = 0;
	int fd;

	make("gone", "g");
	need((fd = open("gone", O_RDWR | O_CLOEXEC)) >= 0);
	need(unlink("gone") == 0 && access("gone", F_OK) == -1 && errno == ENOENT);
	need(pwrite(fd, "abc", 3, 0) == 3 && pread(fd, &c, 1, 2) == 1 && c == 'c');
	need(ftruncate(fd, 1) == 0 && pread(fd, &c, 1, 1) == 0);
	need(fchmod(fd, 0400) == 0);
}

static void replaced(void)
{
	char c = 0;
	int fd;

	make("old", "o");
	make("new", "n");
	need((fd = open("old", O_RDONLY | O_CLOEXEC)) >= 0);
	need(rename("new", "old") == 0);
	need(first("old") == 'n' && read(fd, &c, 1) == 1 && c == 'o');
	make("new", "x");
	need(renameat2(AT_FDCWD, "new", AT_FDCWD, "old", RENAME_NOREPLACE) == -1);
	need(errno == EEXIST);
	need(renameat2(AT_FDCWD, "new", AT_FDCWD, "old", RENAME_EXCHANGE) == 0);
	need(first("new") == 'n' && first("old") == 'x');
	need(unlink("new") == 0 && unlink("old") == 0);
}

static void linked(void)
{
	struct stat a, b;

	make("one", "1");
	need(link("one", "two") == 0);
	need(stat("one", &a) == 0 && stat("two", &b) == 0);
	need(a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_nlink == 2);
	need(unlink("one") == 0);
	need(stat("two", &b) == 0 && b.st_nlink == 1 && b.st_ino == a.st_ino);
	need(unlink("two") == 0);
}

int main(void)
{
	nameless();
	unlinked();
	replaced();
	linked();
	return 0;
}
