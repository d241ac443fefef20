/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/tree-copy.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DEPTH_MAX  512U /* each level holds two descriptors */
#define XATTRS_MAX 65536U

/* A file with several names: where its first copy is. */
struct first {
	dev_t dev;
	ino_t ino;
	char *path; /* beneath the top of the copy */
};

struct copy {
	int top; /* of the copy */
	void *firsts;
	char path[PATH_MAX];
	size_t len;
};

static int by_number(const void *a, const void *b)
{
	const struct first *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return (x->ino > y->ino) - (x->ino < y->ino);
}

static void free_first(void *data)
{
	struct first *f = data;

	free(f->path);
	free(f);
}

static int copy_xattrs(int from, int to, struct err *e)
{
	auto_free char *names = malloc(XATTRS_MAX);
	auto_free char *value = malloc(XATTRS_MAX);
	ssize_t n = names && value ? flistxattr(from, names, XATTRS_MAX) : -1;

	if (!names || !value)
		return err_set(e, ENOMEM, "out of memory");
	if (n < 0)
		return errno == ENOTSUP ? 0 : err_sys(e, "list extended attributes");
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		ssize_t len = fgetxattr(from, name, value, XATTRS_MAX);

		if (len < 0 || fsetxattr(to, name, value, (size_t)len, 0) < 0)
			return err_sys(e, "copy the extended attribute '%s'", name);
	}
	return 0;
}

/* Owner first: it takes set-id bits away. */
static int dress(int to, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 ||
		fchmod(to, st->st_mode & 07777) < 0 || futimens(to, times) < 0)
		return err_sys(e, "set owner, mode and times");
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, struct err *e)
{
	auto_fd int from =
		openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	auto_fd int to = openat(
		to_dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	int r;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return err_sys(e, "open");
	r = file_copy_fd(from, to, e);
	/* a hole at its end has not been written */
	if (r >= 0 && ftruncate(to, st.st_size) < 0)
		r = err_sys(e, "set its size");
	r = r < 0 ? r : copy_xattrs(from, to, e);
	return r < 0 ? r : dress(to, &st, e);
}

static int copy_other(
	int from, int to, const char *name, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n;

	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(from, name, target, sizeof(target) - 1);
		if (n < 0)
			return err_sys(e, "read the link");
		target[n] = '\0';
		if (symlinkat(target, to, name) < 0)
			return err_sys(e, "make the link");
	} else if (mknodat(to, name, st->st_mode, st->st_rdev) < 0) {
		return err_sys(e, "make the node");
	}
	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set its owner");
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return err_sys(e, "set its mode");
	(void)utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* 1: it is another name of one that is there already. */
static int link_known(
	struct copy *c, int to, const char *name, const struct stat *st, struct err *e)
{
	struct first key = { .dev = st->st_dev, .ino = st->st_ino }, *own;
	struct first **known = tfind(&key, &c->firsts, by_number);

	if (known)
		return linkat(c->top, (*known)->path, to, name, 0) < 0
			? err_sys(e, "make another name of '%s'", (*known)->path)
			: 1;
	own = calloc(1, sizeof(*own));
	if (own) {
		*own = key;
		own->path = strdup(c->path);
	}
	if (!own || !own->path || !tsearch(own, &c->firsts, by_number)) {
		free(own);
		return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int copy_dir(struct copy *c, int from, int to, unsigned depth, struct err *e);

static int copy_below(struct copy *c, int from, int to, const char *name, unsigned depth,
	const struct stat *st, struct err *e)
{
	auto_fd int below = -1, copy = -1;
	int r = 0;

	if (!S_ISDIR(st->st_mode)) {
		if (st->st_nlink > 1)
			r = link_known(c, to, name, st, e);
		if (r != 0)
			return r < 0 ? r : 0;
		return S_ISREG(st->st_mode) ? copy_file(from, to, name, e)
					    : copy_other(from, to, name, st, e);
	}
	if (mkdirat(to, name, 0700) < 0)
		return err_sys(e, "make the directory");
	below = openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	copy = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (below < 0 || copy < 0)
		return err_sys(e, "open the directory");
	return copy_dir(c, below, copy, depth + 1, e);
}

static int copy_entry(
	struct copy *c, int from, int to, const char *name, unsigned depth, struct err *e)
{
	size_t len = c->len;
	int n = snprintf(
		c->path + len, sizeof(c->path) - len, "%s%s", len ? "/" : "", name);
	struct stat st;
	int r;

	if (n < 0 || (size_t)n >= sizeof(c->path) - len)
		return err_set(e, ENAMETOOLONG, "'%s/%s'", c->path, name);
	c->len += (size_t)n;
	r = fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0
		? err_sys(e, "look at it")
		: copy_below(c, from, to, name, depth, &st, e);
	if (r < 0 && depth == 0)
		(void)err_wrap(e, "copy '%s'", c->path);
	c->len = len;
	c->path[len] = '\0';
	return r;
}

static int copy_dir(struct copy *c, int from, int to, unsigned depth, struct err *e)
{
	int listed = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = listed < 0 || depth >= DEPTH_MAX ? NULL : fdopendir(listed);
	struct stat st;
	int r = 0;

	if (!dir) {
		close_auto(&listed);
		return depth >= DEPTH_MAX ? err_set(e, ELOOP, "too deep")
					  : err_sys(e, "list it");
	}
	for (struct dirent *d; r == 0 && (errno = 0, d = readdir(dir));)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = copy_entry(c, from, to, d->d_name, depth, e);
	(void)closedir(dir);
	if (r == 0 && fstat(from, &st) < 0)
		r = err_sys(e, "look at the directory");
	r = r < 0 ? r : copy_xattrs(from, to, e);
	return r < 0 ? r : dress(to, &st, e);
}

int tree_copy(int from, int to, struct err *e)
{
	auto_free struct copy *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, ENOMEM, "out of memory");
	c->top = to;
	r = copy_dir(c, from, to, 0, e);
	tdestroy(c->firsts, free_first);
	return r;
}
