/* SPDX-License-Identifier: Apache-2.0 */
/* captured-files.c - files outside, files shown read-only, protected names, owners. */
#include "captured.h"

#include <linux/openat2.h>
#include <sys/xattr.h>

#define SECRET "brig-secret-"

static bool has_secret(int dir, const char *path)
{
	char text[sizeof(SECRET)] = "";
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	return n == (ssize_t)sizeof(text) - 1 && memcmp(text, SECRET, (size_t)n) == 0;
}

static const char *outside(void)
{
	const char *secret = given("secret");
	char up[1024] = "";
	int root;

	for (int i = 0; i < 64; i++)
		(void)strcat(up, "../");
	(void)strncat(up, secret + 1, sizeof(up) - strlen(up) - 1);
	if (has_secret(AT_FDCWD, secret) || has_secret(AT_FDCWD, up))
		return "by its path";
	for (int fd = 0; fd < FDS; fd++)
		if (has_secret(fd, up) || has_secret(fd, secret + 1))
			return got("from descriptor %d", fd);
	root = word("brigfs=");
	if (fchdir(root) == 0 && chdir("..") == 0 && chdir("../../..") == 0 &&
		has_secret(AT_FDCWD, secret + 1))
		return "by the root's parents";
	(void)symlinkat(secret, AT_FDCWD, ours("link"));
	if (has_secret(AT_FDCWD, ours("link")))
		return "by a link";
	(void)symlinkat("/proc/1/root", AT_FDCWD, ours("magic"));
	(void)snprintf(up, sizeof(up), "magic%s", secret);
	return has_secret(AT_FDCWD, ours(up)) ? "by a magic link" : NULL;
}

static const char *bare(void)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		DIR *d = opendir(dirs[i]);
		struct dirent *e;

		while (d && (e = readdir(d)))
			if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
				return got("%s/%s", dirs[i], e->d_name);
	}
	return NULL;
}

/* What is shown read-only stays what it is, by name, by descriptor, by another name. */
static const char *read_only(void)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	const char *file = GIVEN "/file";
	int fd = openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
	int dir = openat(AT_FDCWD, GIVEN, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	void *map;

	if (fd < 0 || dir < 0)
		return got("'%s' isn't shown", file);
	if (openat(AT_FDCWD, file, O_WRONLY) >= 0 ||
		openat(AT_FDCWD, file, O_RDWR | O_TRUNC) >= 0)
		return "it was opened to write";
	if (openat(AT_FDCWD, file, O_RDONLY | O_TRUNC) >= 0)
		return "it was truncated";
	if (openat(dir, "new", O_WRONLY | O_CREAT, 0600) >= 0 ||
		openat(dir, ".", O_WRONLY | O_TMPFILE, 0600) >= 0)
		return "a file was made beside it";
	if (ftruncate(fd, 0) == 0 || syscall(SYS_fallocate, fd, 0, 0, 4096) == 0 ||
		pwrite(fd, "x", 1, 0) >= 0)
		return "it was written through a descriptor to read";
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		return "it was mapped to write";
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED && mprotect(map, 4096, PROT_READ | PROT_WRITE) == 0)
		return "a map of it was made writable";
	if (fchmod(fd, 0777) == 0 || fchmodat(AT_FDCWD, file, 0777, 0) == 0)
		return "its mode was changed";
	if (fchown(fd, 0, 0) == 0 ||
		fchownat(dir, "file", 0, 0, AT_SYMLINK_NOFOLLOW) == 0)
		return "its owner was changed";
	if (futimens(fd, times) == 0 || utimensat(dir, "file", times, 0) == 0)
		return "its times were changed";
	if (fsetxattr(fd, "user.x", "x", 1, 0) == 0)
		return "an attribute was set";
	if (unlinkat(dir, "file", 0) == 0 || renameat(dir, "file", dir, "other") == 0 ||
		renameat(dir, "file", AT_FDCWD, ours("moved")) == 0)
		return "its name was taken";
	if (linkat(dir, "file", AT_FDCWD, ours("hard"), 0) == 0 ||
		linkat(fd, "", AT_FDCWD, ours("hard"), AT_EMPTY_PATH) == 0)
		return "it has a second name in the workspace";
	if (renameat2(AT_FDCWD, ours("result"), dir, "file", RENAME_EXCHANGE) == 0)
		return "it was exchanged";
	return NULL;
}

static const char *host_files(void)
{
	static const char *const paths[] = { "/usr/bin/id", "/usr/bin/env",
		"/usr/lib/os-release" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int fd = openat(AT_FDCWD, paths[i], O_RDONLY | O_CLOEXEC);

		if (openat(AT_FDCWD, paths[i], O_WRONLY | O_CLOEXEC) >= 0)
			return got("'%s' was opened to write", paths[i]);
		if (fd >= 0 && linkat(fd, "", AT_FDCWD, ours("hard"), AT_EMPTY_PATH) == 0)
			return got("'%s' has a second name", paths[i]);
	}
	return NULL;
}

/*
 * .git of the workspace: hooks are a mount, and so pin the names above them. The
 * configuration may be written and replaced, and what is dangerous in it is gone when the sandbox ends.
 */
static const char *git(void)
{
	static const char *const names[] = { ".git/hooks", ".git" };

	static const char evil[] = "[core]\n\tfsmonitor = touch /tmp/owned\n";
	int fd = openat(AT_FDCWD, ours(".git/config"), O_WRONLY | O_APPEND);

	if (fd >= 0)
		(void)!write(fd, evil, sizeof(evil) - 1);
	if (openat(AT_FDCWD, ours(".git/hooks/pre-commit"), O_WRONLY | O_CREAT, 0755) >=
		0)
		return "a hook was made";
	if (symlinkat("/bin/sh", AT_FDCWD, ours(".git/hooks/post-checkout")) == 0)
		return "a hook was linked";
	(void)mkdirat(AT_FDCWD, ours("decoy"), 0755);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (renameat(AT_FDCWD, ours(names[i]), AT_FDCWD, ours("away")) == 0)
			return got("'%s' was renamed", names[i]);
		if (renameat2(AT_FDCWD, ours("decoy"), AT_FDCWD, ours(names[i]),
			    RENAME_EXCHANGE) == 0)
			return got("'%s' was exchanged", names[i]);
		if (renameat(AT_FDCWD, ours("decoy"), AT_FDCWD, ours(names[i])) == 0)
			return got("'%s' was covered", names[i]);
		if (unlinkat(AT_FDCWD, ours(names[i]), 0) == 0 ||
			unlinkat(AT_FDCWD, ours(names[i]), AT_REMOVEDIR) == 0)
			return got("'%s' was removed", names[i]);
	}
	return NULL;
}

static const char *devices(void)
{
	static const struct {
		unsigned type, major, minor;
	} d[] = { { S_IFBLK, 8, 0 }, { S_IFBLK, 259, 0 }, { S_IFBLK, 254, 0 },
		{ S_IFBLK, 7, 0 }, { S_IFCHR, 1, 1 }, { S_IFCHR, 1, 2 },
		{ S_IFCHR, 1, 3 }, { S_IFCHR, 1, 11 }, { S_IFCHR, 4, 0 },
		{ S_IFCHR, 5, 0 }, { S_IFCHR, 10, 200 }, { S_IFCHR, 10, 229 },
		{ S_IFCHR, 10, 232 } };
	static const char *const where[] = { "/node", "/tmp/node", "/dev/node" };

	for (size_t i = 0; i < sizeof(d) / sizeof(*d); i++) {
		const dev_t dev = makedev(d[i].major, d[i].minor);

		if (mknodat(AT_FDCWD, ours("node"), d[i].type | 0666, dev) == 0)
			return got(
				"device %u:%u in the workspace", d[i].major, d[i].minor);
		for (size_t k = 0; k < sizeof(where) / sizeof(*where); k++)
			if (mknodat(AT_FDCWD, where[k], d[i].type | 0666, dev) == 0)
				return got("device %u:%u at %s", d[i].major, d[i].minor,
					where[k]);
	}
	return NULL;
}

/* Ids that the sandbox has not. The set-ID bits are looked at from outside, afterwards. */
static const char *owners(void)
{
	static const unsigned ids[] = { 65536, 65537, 100000, 524288 + 65536, 1000000000,
		0x7fffffff, 0x80000000, 0xfffffffe };
	int fd = openat(AT_FDCWD, ours("owned"), O_RDWR | O_CREAT | O_CLOEXEC, 0755);
	struct stat before, st;

	if (fd < 0 || fstat(fd, &before) < 0)
		return got("no file: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		if (fchown(fd, ids[i], (gid_t)-1) == 0 ||
			fchown(fd, (uid_t)-1, ids[i]) == 0 ||
			fchownat(AT_FDCWD, ours("owned"), ids[i], ids[i],
				AT_SYMLINK_NOFOLLOW) == 0)
			return got("it belongs to %u", ids[i]);
	}
	(void)fchown(fd, (uid_t)-1, (gid_t)-1);
	if (fstat(fd, &st) < 0 || st.st_uid != before.st_uid ||
		st.st_gid != before.st_gid)
		return "-1 changed the owner";
	(void)fchmod(fd, 06755);
	if (fsetxattr(fd, "trusted.x", "x", 1, 0) == 0)
		return "a trusted attribute was set";
	return NULL;
}

static const char *attributes(void)
{
	/* VFS_CAP_REVISION_2, effective; every capability */
	static const uint32_t caps[5] = { 0x02000001, 0xffffffff, 0, 0xffffffff, 0 };
	int fd = openat(AT_FDCWD, ours("capable"), O_RDWR | O_CREAT | O_CLOEXEC, 0755);

	if (fsetxattr(fd, "security.capability", caps, sizeof(caps), 0) == 0)
		return "a file has capabilities";
	/* not a label of SELinux: without a policy that is the owner's to set */
	if (fsetxattr(fd, "security.ima", "x", 1, 0) == 0)
		return "a file is signed";
	return NULL;
}

/* The host's shadow file is real root's, whatever is mounted; the host compares. */
static const char *real_root(void)
{
	char text[4096];
	int from = openat(AT_FDCWD, "/etc/shadow", O_RDONLY | O_CLOEXEC);
	ssize_t n = from < 0 ? 0 : read(from, text, sizeof(text));
	int to = openat(AT_FDCWD, ours("shadow"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	(void)!write(to, text, n > 0 ? (size_t)n : 0);
	return openat(AT_FDCWD, "/etc/shadow", O_WRONLY | O_CLOEXEC) >= 0 && n > 0 &&
			openat(AT_FDCWD, "/etc/shadow-", O_RDONLY | O_CLOEXEC) >= 0
		? "the host's password file"
		: NULL;
}

static const char *initramfs(void)
{
	int fd = word("initrd=fd:");
	struct stat st, now;
	void *map;

	if (fstat(fd, &st) < 0 || st.st_size == 0)
		return "it isn't there";
	if (pwrite(fd, "x", 1, 0) >= 0)
		return "it was written";
	if (ftruncate(fd, 0) == 0 || ftruncate(fd, st.st_size + 4096) == 0 ||
		syscall(SYS_fallocate, fd, 3, 0, 4096) == 0)
		return "its size was changed";
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		return "it was mapped to write";
	return fstat(fd, &now) == 0 && now.st_size == st.st_size ? NULL
								 : "it has changed";
}

const struct attempt files[] = {
	{ "it finds no file of the host's outside of the root", outside },
	{ "there is no /proc, /sys or /dev of the host's", bare },
	{ "what is shown read-only can't be changed by any way", read_only },
	{ "the host's programs can't be changed", host_files },
	{ "the protected names of the workspace stay", git },
	{ "it makes no device", devices },
	{ "its files belong to the sandbox's ids alone", owners },
	{ "it gives a file no capabilities", attributes },
	{ "it reads nothing that is real root's", real_root },
	{ "the sealed initramfs stays as it is", initramfs },
	{ 0 },
};
