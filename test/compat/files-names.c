/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: names of files: links, renames, folders, listings that change, depth, many at once
 * Expect: container=yes sentry=yes
 * In: workspace tmp
 */
#include "files.h"

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

int main(void)
{
	static void (*const tests[])(void) = { test_links, test_rename, test_folders,
		test_listing, test_tmpfile, test_deep, test_parallel, NULL };

	return run(tests);
}
