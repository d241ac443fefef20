/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the workspace is walked once, directory by directory, each opened
 * from the root without following links, and taken into tree/. A clone costs a few
 * system calls and no data. A copy costs data, so one that an earlier restore point has
 * of the same state of the same file (inode, ctime and size say so) gets one more name
 * instead: every change of mode, owner, time, links or contents changes the ctime, so
 * what the two restore points share is what both want.
 *
 * The host may write meanwhile: what it changes is kept as it was or as it is, and its
 * recorded ctime then differs, so that an undo compares the contents and the next restore
 * point takes it anew. A ctime that is so young that a further change might not show in
 * it, or of a file system that lets programs choose it, is recorded as 0: no file has it.
 */
#include "sandbox/undo-copy.h"
#include "sandbox/undo-point.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "linux/fsname.h"
#include "sandbox/place.h"

#include <limits.h>
#include <sys/statfs.h>
#include <time.h>

#define SKIPPED_MAX 65536

/* A ctime is a clock that ticks every 1 to 10 ms. */
#define CTIME_TICK_NS (20 * NS_PER_MS)

struct taker {
	const struct undo_ws *ws;
	struct undo_copier copier;
	struct undo_point point;
	struct undo_point old; /* an earlier one, */
	int old_tree;          /* -1 for none */
	struct undo_links links;
	struct strv todo; /* directories */
	int tree;
};

/* The directory being copied. */
struct level {
	const char *path;
	int from, to;
	int old;    /* in the earlier restore point; negative for none */
	bool dated; /* ctimes can be trusted */
};

static int skip(struct taker *t, const char *path, struct err *e)
{
	if (t->point.skipped.n >= SKIPPED_MAX)
		return err_set(e, E2BIG, "more than %d files can't be kept", SKIPPED_MAX);
	return strv_add(&t->point.skipped, path) < 0 ? err_set(e, ENOMEM, "out of memory")
						     : 0;
}

/* File systems of which ctimes can be trusted: kept by a Linux kernel, this one or a
 * server's. Others have none (vfat), have the time of modification instead (sshfs), or let
 * it be set. */
static bool is_dated(int dir)
{
	static const char *const good[] = { "ext4", "btrfs", "xfs", "tmpfs", "overlayfs",
		"nfs", "zfs", "bcachefs", "f2fs", "ceph" };
	struct statfs fs;
	const char *name =
		fstatfs(dir, &fs) == 0 ? fsname_of_magic((uint64_t)fs.f_type) : NULL;

	for (size_t i = 0; name && i < sizeof(good) / sizeof(*good); i++)
		if (strcmp(name, good[i]) == 0)
			return true;
	return false;
}

/* Of the state that is about to be copied. */
static void forget_young(const struct level *l, struct stat *st)
{
	struct timespec ts;
	uint64_t now;

	if (clock_gettime(CLOCK_REALTIME_COARSE, &ts) < 0)
		ts = (struct timespec){ 0 };
	now = (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
	if (!l->dated || undo_ctime(st) + CTIME_TICK_NS >= now)
		st->st_ctim = (struct timespec){ 0 };
}

/* 'was' in the workspace is 'name' in the restore point. */
static int remember(struct taker *t, const struct level *l, const char *name,
	const struct stat *was, struct err *e)
{
	struct undo_inode ino = { .was = was->st_ino,
		.ctime = undo_ctime(was),
		.dev = was->st_dev,
		.mode = was->st_mode,
		.links = (uint32_t)was->st_nlink };
	struct stat st;

	if (fstatat(l->to, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat the copy of '%s'", name);
	ino.ino = st.st_ino;
	ino.size = (uint64_t)st.st_size;
	if (S_ISREG(st.st_mode))
		t->point.bytes += ino.size;
	return buf_add(&t->point.inodes, &ino, sizeof(ino)) < 0
		? err_set(e, E2BIG, "too many files")
		: 0;
}

/* Take the copy that the earlier restore point has: 1; 0 when it has none of this state. */
static int take_old(struct taker *t, const struct level *l, const char *name,
	const struct stat *st, struct err *e)
{
	const struct undo_inode *ino;
	struct stat old;
	int r;

	if (l->old < 0 || !l->dated || t->copier.way != UNDO_COPIES ||
		fstatat(l->old, name, &old, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISREG(old.st_mode))
		return 0;
	ino = undo_point_find(&t->old, old.st_ino);
	if (!undo_is_same(ino, st) || ino->dev != st->st_dev ||
		ino->size != (uint64_t)st->st_size || old.st_size != st->st_size)
		return 0;
	/* another's (after an undo), too many links, another file system: copied */
	if (linkat(l->old, name, l->to, name, 0) < 0)
		return 0;
	r = remember(t, l, name, st, e);
	return r < 0 ? r : 1;
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
	forget_young(l, &st);
	r = undo_copier_inode(&t->copier, e);
	if (r < 0)
		return r;
	to = openat(
		l->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return err_sys(e, "create '" UNDO_TREE "/%s'", path);
	r = undo_copier_file(&t->copier, from, to, &st, e);
	if (r < 0 && !*t->copier.over)
		(void)err_wrap(e, "take '%s'", path);
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
	return remember(t, l, name, &st, e);
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

static int take_subdir(struct taker *t, const struct level *l, const char *name,
	const char *path, const struct stat *st, struct err *e)
{
	int r = undo_copier_inode(&t->copier, e);

	if (r < 0)
		return r;
	if (mkdirat(l->to, name, 0700) < 0)
		return err_sys(e, "create '" UNDO_TREE "/%s'", path);
	r = remember(t, l, name, st, e);
	if (r == 0 && strv_add(&t->todo, path) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

static int take_entry(
	struct taker *t, const struct level *l, const char *name, struct err *e)
{
	auto_free char *path = undo_join(l->path, name);
	struct stat st;
	int r;

	if (!path)
		return err_set(e, ENOMEM, "out of memory");
	r = undo_copier_count(&t->copier, e);
	if (r < 0)
		return r;
	if (fstatat(l->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : skip(t, path, e);
	if (strlen(path) >= PATH_MAX)
		return skip(t, path, e);
	if (S_ISDIR(st.st_mode))
		return take_subdir(t, l, name, path, &st, e);
	if (S_ISLNK(st.st_mode))
		return take_link(t, l, name, path, e);
	if (!S_ISREG(st.st_mode))
		return skip(t, path, e);
	r = take_again(t, l, name, path, &st);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		return 0;
	r = take_old(t, l, name, &st, e);
	if (r != 0)
		return r < 0 ? r : 0;
	return take_file(t, l, name, path, e);
}

static int take_dir(struct taker *t, const char *path, struct err *e)
{
	auto_fd int from = undo_open_dir(t->ws->root, path);
	auto_fd int to = undo_open_dir(t->tree, path);
	auto_fd int old = t->old_tree < 0 ? -1 : undo_open_dir(t->old_tree, path);
	auto_strv struct strv names = { 0 };
	struct level l = { path, from, to, old, false };
	int r = 0;

	if (to < 0)
		return err_set(e, -to, "open '" UNDO_TREE "/%s'", path);
	/* one that can't be listed is kept as it is, with all in it */
	if (from < 0 || undo_list(from, &names) < 0)
		return *path
			? skip(t, path, e)
			: err_set(e, from < 0 ? -from : EIO, "list '%s'", t->ws->path);
	l.dated = is_dated(from);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = take_entry(t, &l, names.v[i], e);
	return r;
}

/* One that can't be read is none. */
static void open_old(struct taker *t, int before)
{
	struct err quiet;

	t->old_tree = -1;
	if (before >= 0 && undo_point_load(before, &t->old, &quiet) == 0)
		t->old_tree = openat(before, UNDO_TREE,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int take_all(
	struct taker *t, int dest, const struct undo_terms *terms, struct err *e)
{
	struct level top = { .path = "", .from = t->ws->root, .to = dest, .old = -1 };
	struct stat st;
	int r = undo_copier_begin(&t->copier, t->ws->root, dest, terms, e);

	if (r < 0)
		return r;
	if (mkdirat(dest, UNDO_TREE, 0700) < 0)
		return err_sys(e, "create '" UNDO_TREE "'");
	t->tree =
		openat(dest, UNDO_TREE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (t->tree < 0 || fstat(t->ws->root, &st) < 0)
		return err_sys(e, "open '" UNDO_TREE "'");
	r = remember(t, &top, UNDO_TREE, &st, e);
	if (r == 0 && strv_add(&t->todo, "") < 0)
		r = err_set(e, ENOMEM, "out of memory");
	while (r == 0 && t->todo.n > 0) {
		auto_free char *path = t->todo.v[--t->todo.n];

		t->todo.v[t->todo.n] = NULL;
		r = take_dir(t, path, e);
	}
	t->point.entries = t->copier.entries;
	t->point.clones = t->copier.way == UNDO_CLONES;
	return r < 0 ? r : undo_point_save(dest, &t->point, e);
}

static void remove_half(int dest)
{
	struct err quiet;

	(void)unlinkat(dest, UNDO_META, 0);
	(void)unlinkat(dest, UNDO_INODES, 0);
	(void)file_remove_tree(dest, UNDO_TREE, &quiet);
}

static int explain(const struct taker *t, int code, struct err *e)
{
	char size[UNDO_SIZE_TEXT];

	if (!*t->copier.over)
		return err_wrap(e, "'%s'", t->ws->path);
	undo_measure(t->ws->root, size);
	return err_set(e, -code, "'%s' has %s: %s", t->ws->path, size, t->copier.over);
}

int undo_take(const struct undo_ws *ws, int dest, const struct undo_terms *terms,
	struct undo_stats *ret, struct err *e)
{
	static const struct undo_terms none = { .before = -1 };
	struct taker t = { .ws = ws, .tree = -1 };
	int r;

	t.point.taken = clock_real_ns();
	t.point.inodes.max = (size_t)256 << 20;
	open_old(&t, terms ? terms->before : -1);
	r = take_all(&t, dest, terms ? terms : &none, e);
	if (r < 0) {
		remove_half(dest);
		r = explain(&t, r, e);
	} else {
		*ret = (struct undo_stats){ .entries = t.point.entries,
			.bytes = t.point.bytes,
			.copied = t.copier.copied,
			.skipped = t.point.skipped.n };
	}
	if (t.tree >= 0)
		(void)close(t.tree);
	if (t.old_tree >= 0)
		(void)close(t.old_tree);
	strv_clear(&t.todo);
	undo_links_clear(&t.links);
	undo_point_clear(&t.point);
	undo_point_clear(&t.old);
	return r;
}

void undo_break(int dest)
{
	(void)unlinkat(dest, UNDO_META, 0);
}

bool undo_is_half(int dest)
{
	return faccessat(dest, UNDO_META, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		errno == ENOENT;
}

bool undo_exists(int dest, uint64_t *taken_ns)
{
	auto_json struct json *j = NULL;
	struct err quiet;

	if (json_load(dest, UNDO_META, (size_t)64 << 20, &j, &quiet) < 0)
		return false;
	/* one of another version can't be gone back to */
	if (json_get_uint(j, "record") != sizeof(struct undo_inode))
		return false;
	if (taken_ns)
		*taken_ns = json_get_uint(j, "taken");
	return true;
}
