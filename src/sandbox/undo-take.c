/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the workspace is walked once, directory by directory, each opened
 * from the root without following links, and copied into tree/. A clone costs a few
 * system calls and no data. The host may write meanwhile: what it changes is kept as it
 * was or as it is, and its recorded ctime then differs, so that an undo compares the
 * contents.
 */
#include "sandbox/undo-point.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "sandbox/place.h"

#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

/* A file that can't be cloned among others that can (no copy on write, another mount) is
 * copied. */
#define COPY_MAX    (4 << 20)
#define SKIPPED_MAX 65536

struct taker {
	const struct undo_ws *ws;
	const struct undo_limits *limits;
	uint64_t deadline; /* CLOCK_MONOTONIC, 0 for none */
	struct undo_point point;
	struct undo_links links;
	struct strv todo; /* directories */
	int tree;
	bool cloned; /* at least one */
};

/* The directory being copied. */
struct level {
	const char *path;
	int from, to;
};

static int skip(struct taker *t, const char *path, struct err *e)
{
	if (t->point.skipped.n >= SKIPPED_MAX)
		return err_set(e, E2BIG, "more than %d files can't be kept", SKIPPED_MAX);
	return strv_add(&t->point.skipped, path) < 0 ? err_set(e, ENOMEM, "out of memory")
						     : 0;
}

static int remember(
	struct taker *t, int dir, const char *name, const struct stat *was, struct err *e)
{
	struct undo_inode ino = { 0, was->st_ino, undo_ctime(was), was->st_mode,
		(uint32_t)was->st_nlink };
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat the copy of '%s'", name);
	ino.ino = st.st_ino;
	return buf_add(&t->point.inodes, &ino, sizeof(ino)) < 0
		? err_set(e, E2BIG, "too many files")
		: 0;
}

static int no_reflinks(const struct taker *t, struct err *e)
{
	int r = err_set(e, EOPNOTSUPP,
		"no restore point of '%s': its file system has no reflinks", t->ws->path);

	err_hint(e, "mount it as an overlay instead: -v '%s':overlay", t->ws->path);
	return r;
}

/* Clone, or copy when small. 1 when it was not possible and is to be skipped. */
static int clone_file(
	struct taker *t, int from, int to, const struct stat *st, struct err *e)
{
	if (st->st_size == 0)
		return 0;
	if (ioctl(to, FICLONE, from) == 0) {
		t->cloned = true;
		return 0;
	}
	if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
		return err_sys(e, "clone a file");
	if (!t->cloned)
		return no_reflinks(t, e);
	if (st->st_size > COPY_MAX)
		return 1;
	return file_copy_fd(from, to, e);
}

static int take_file(struct taker *t, const struct level *l, const char *name,
	const char *path, struct err *e)
{
	auto_fd int from = openat(
		l->from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_fd int to = -1;
	struct place as = { .uid = PLACE_ANYONE, .gid = PLACE_ANYONE };
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
		return skip(t, path, e);
	to = openat(
		l->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return err_sys(e, "create '" UNDO_TREE "/%s'", path);
	r = clone_file(t, from, to, &st, e);
	if (r != 0) {
		(void)unlinkat(l->to, name, 0);
		return r < 0 ? r : skip(t, path, e);
	}
	/* a set-id bit is for the workspace only: undo.json's neighbour has it on record
	 */
	as.mode = st.st_mode & 0777;
	as.mtime = &st.st_mtim;
	r = place_dress(to, &as);
	if (r < 0)
		return err_set(e, -r, "set the mode of '" UNDO_TREE "/%s'", path);
	t->point.bytes += (uint64_t)st.st_size;
	return remember(t, l->to, name, &st, e);
}

static int take_link(struct taker *t, const struct level *l, const char *name,
	const char *path, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(l->from, name, target, sizeof(target) - 1);

	if (n < 0)
		return skip(t, path, e);
	target[n] = '\0';
	return symlinkat(target, l->to, name) < 0 ? err_sys(e, "create '%s'", path) : 0;
}

/* A further name of a file that was copied: 0; the first name: 1. */
static int take_again(struct taker *t, const struct level *l, const char *name,
	const char *path, const struct stat *st)
{
	const char *first = NULL;
	const char *old;
	struct err quiet;
	auto_fd int dir = -1;

	if (st->st_nlink < 2)
		return 1;
	if (undo_links_first(&t->links, st->st_dev, st->st_ino, path, &first) < 0)
		return -ENOMEM;
	if (!first)
		return 1;
	dir = place_open_parent(t->tree, first, &old, &quiet);
	return dir >= 0 && linkat(dir, old, l->to, name, 0) == 0 ? 0 : 1;
}

static int take_entry(
	struct taker *t, const struct level *l, const char *name, struct err *e)
{
	auto_free char *path = undo_join(l->path, name);
	uint64_t max = t->limits->entries ? t->limits->entries : UNDO_ENTRIES_MAX;
	struct stat st;
	int r;

	if (!path)
		return err_set(e, ENOMEM, "out of memory");
	if (++t->point.entries > max)
		return err_set(e, E2BIG, "'%s' has more than %llu files", t->ws->path,
			(unsigned long long)max);
	if (t->deadline && clock_mono_ns() > t->deadline)
		return err_set(e, E2BIG, "'%s' takes too long to copy", t->ws->path);
	if (fstatat(l->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : skip(t, path, e);
	if (strlen(path) >= PATH_MAX)
		return skip(t, path, e);
	if (S_ISDIR(st.st_mode)) {
		if (mkdirat(l->to, name, 0700) < 0)
			return err_sys(e, "create '" UNDO_TREE "/%s'", path);
		r = remember(t, l->to, name, &st, e);
		if (r == 0 && strv_add(&t->todo, path) < 0)
			r = err_set(e, ENOMEM, "out of memory");
		return r;
	}
	if (S_ISLNK(st.st_mode))
		return take_link(t, l, name, path, e);
	if (!S_ISREG(st.st_mode))
		return skip(t, path, e);
	r = take_again(t, l, name, path, &st);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	return r == 0 ? 0 : take_file(t, l, name, path, e);
}

static int take_dir(struct taker *t, const char *path, struct err *e)
{
	auto_fd int from = undo_open_dir(t->ws->root, path);
	auto_fd int to = undo_open_dir(t->tree, path);
	auto_strv struct strv names = { 0 };
	struct level l = { path, from, to };
	int r = 0;

	if (to < 0)
		return err_set(e, -to, "open '" UNDO_TREE "/%s'", path);
	/* one that can't be listed is kept as it is, with all in it */
	if (from < 0 || undo_list(from, &names) < 0)
		return *path
			? skip(t, path, e)
			: err_set(e, from < 0 ? -from : EIO, "list '%s'", t->ws->path);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = take_entry(t, &l, names.v[i], e);
	return r;
}

/* Tell at once, before anything is walked, where clones are not possible at all. */
static int probe(const struct taker *t, int dest, struct err *e)
{
	auto_fd int a = openat(dest, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	auto_fd int b = openat(dest, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	static const char page[4096];

	if (a < 0 || b < 0)
		return no_reflinks(t, e);
	if (file_write_all(a, page, sizeof(page)) < 0)
		return err_sys(e, "write to the restore point");
	return ioctl(b, FICLONE, a) < 0 ? no_reflinks(t, e) : 0;
}

static int take_all(struct taker *t, int dest, struct err *e)
{
	struct stat st;
	int r = probe(t, dest, e);

	if (r < 0)
		return r;
	if (mkdirat(dest, UNDO_TREE, 0700) < 0)
		return err_sys(e, "create '" UNDO_TREE "'");
	t->tree =
		openat(dest, UNDO_TREE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (t->tree < 0 || fstat(t->ws->root, &st) < 0)
		return err_sys(e, "open '" UNDO_TREE "'");
	r = remember(t, dest, UNDO_TREE, &st, e);
	if (r == 0 && strv_add(&t->todo, "") < 0)
		r = err_set(e, ENOMEM, "out of memory");
	while (r == 0 && t->todo.n > 0) {
		auto_free char *path = t->todo.v[--t->todo.n];

		t->todo.v[t->todo.n] = NULL;
		r = take_dir(t, path, e);
	}
	return r < 0 ? r : undo_point_save(dest, &t->point, e);
}

int undo_take(const struct undo_ws *ws, int dest, const struct undo_limits *limits,
	struct undo_stats *ret, struct err *e)
{
	static const struct undo_limits none;
	struct taker t = { .ws = ws, .limits = limits ? limits : &none, .tree = -1 };
	struct err quiet;
	int r;

	t.point.taken = clock_real_ns();
	t.point.inodes.max = (size_t)256 << 20;
	if (t.limits->time_ns)
		t.deadline = clock_mono_ns() + t.limits->time_ns;
	r = take_all(&t, dest, e);
	if (r < 0) {
		(void)unlinkat(dest, UNDO_META, 0);
		(void)unlinkat(dest, UNDO_INODES, 0);
		(void)file_remove_tree(dest, UNDO_TREE, &quiet);
	} else {
		*ret = (struct undo_stats){ .entries = t.point.entries,
			.bytes = t.point.bytes,
			.skipped = t.point.skipped.n };
	}
	if (t.tree >= 0)
		(void)close(t.tree);
	strv_clear(&t.todo);
	undo_links_clear(&t.links);
	undo_point_clear(&t.point);
	return r;
}

bool undo_exists(int dest, uint64_t *taken_ns)
{
	auto_json struct json *j = NULL;
	struct err quiet;

	if (json_load(dest, UNDO_META, (size_t)64 << 20, &j, &quiet) < 0)
		return false;
	if (taken_ns)
		*taken_ns = json_get_uint(j, "taken");
	return true;
}
