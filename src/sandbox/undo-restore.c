/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the restore point and the workspace are walked side by side. An
 * entry that only the workspace has is removed; one that differs is replaced in one step
 * by a copy (where it can be, a clone) of what is there, never by a link to it, which
 * other restore points may share. A file whose inode and ctime are the recorded ones was not
 * touched: no program can set a ctime, and a name that now leads to another file shows by
 * the inode. Modes of directories come last, so that a read-only one can be filled.
 */
#include "sandbox/undo-point.h"

#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "sandbox/place.h"

#include <limits.h>

/* A directory whose mode is to be set in the end. */
struct dir_mode {
	char *path;
	mode_t mode;
};

struct restorer {
	const struct undo_ws *ws;
	struct undo_point point;
	struct undo_links links; /* of the restore point, with paths in the workspace */
	struct strv todo;
	struct dir_mode *modes;
	size_t n_modes;
	struct undo_stats stats;
	struct err first; /* the first thing that could not be put back */
	int tree;
};

/* The directory being brought back: 'from' in the restore point, 'to' in the workspace.
 */
struct level {
	const char *path;
	int from, to;
};

struct entry {
	const char *name;
	char *path;
	struct stat then, now; /* now.st_mode is 0 when it is not there */
	const struct undo_inode *ino;
};

static void failed(struct restorer *r, const struct err *e)
{
	if (r->stats.skipped++ == 0)
		r->first = *e;
}

static bool same_text(int a, int b)
{
	static char x[65536], y[65536];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(a, x, sizeof(x), at), m = pread(b, y, sizeof(y), at);

		if (n < 0 || n != m || memcmp(x, y, (size_t)n) != 0)
			return false;
		if (n == 0)
			return true;
		at += n;
	}
}

static int restore_file(
	struct restorer *r, const struct level *l, const struct entry *x, struct err *e)
{
	static const int flags =
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	mode_t mode = x->ino ? x->ino->mode & 07777 : x->then.st_mode & 0777;
	struct place as = { mode, r->ws->uid, r->ws->gid, &x->then.st_mtim };
	auto_fd int from = -1, to = -1;
	/* tied to another file by a link that it did not have: to be untied */
	bool tied = x->ino && x->ino->links == 1 && x->now.st_nlink > 1;
	int done;

	if (undo_is_same(x->ino, &x->now))
		return 0;
	if (x->ino && (uint64_t)x->then.st_size != x->ino->size)
		return err_set(e, EBADMSG, "the copy of '%s' is not whole", x->path);
	from = openat(l->from, x->name, flags);
	if (from < 0)
		return err_sys(e, "open the copy of '%s'", x->path);
	r->stats.changed++;
	if (S_ISREG(x->now.st_mode) && x->now.st_size == x->then.st_size && !tied) {
		to = openat(l->to, x->name, flags);
		if (to >= 0 && same_text(from, to)) {
			if ((x->now.st_mode & 07777) == mode &&
				x->now.st_mtim.tv_sec == x->then.st_mtim.tv_sec &&
				x->now.st_mtim.tv_nsec == x->then.st_mtim.tv_nsec) {
				r->stats.changed--;
				return 0;
			}
			as.uid = PLACE_ANYONE;
			done = place_dress(to, &as);
			return done < 0
				? err_set(e, -done, "set the mode of '%s'", x->path)
				: 0;
		}
	}
	if (S_ISDIR(x->now.st_mode)) {
		done = file_remove_tree(l->to, x->name, e);
		if (done < 0)
			return done;
	}
	return place_file(l->to, x->name, from, &as, e);
}

/* A further name of one file of the restore point: 0 when it is one again, 1 for the
 * first. */
static int restore_again(
	struct restorer *r, const struct level *l, const struct entry *x, struct err *e)
{
	const char *first = NULL, *old;
	auto_fd int dir = -1;
	struct stat st;
	int done;

	if (x->then.st_nlink < 2)
		return 1;
	if (undo_links_first(&r->links, x->then.st_dev, x->then.st_ino, x->path, &first) <
		0)
		return err_set(e, ENOMEM, "out of memory");
	if (!first)
		return 1;
	dir = place_open_parent(r->ws->root, first, &old, e);
	if (dir < 0)
		return dir;
	if (fstatat(dir, old, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", first);
	if (st.st_ino == x->now.st_ino && st.st_dev == x->now.st_dev)
		return 0;
	if (S_ISDIR(x->now.st_mode)) {
		done = file_remove_tree(l->to, x->name, e);
		if (done < 0)
			return done;
	}
	r->stats.changed++;
	return place_hardlink(dir, old, l->to, x->name, e);
}

static int restore_link(
	struct restorer *r, const struct level *l, const struct entry *x, struct err *e)
{
	struct place as = { .uid = r->ws->uid, .gid = r->ws->gid };
	char want[PATH_MAX], have[PATH_MAX];
	ssize_t n = readlinkat(l->from, x->name, want, sizeof(want) - 1);
	ssize_t m = S_ISLNK(x->now.st_mode)
		? readlinkat(l->to, x->name, have, sizeof(have))
		: -1;
	int done;

	if (n < 0)
		return err_sys(e, "read the copy of '%s'", x->path);
	if (n == m && memcmp(want, have, (size_t)n) == 0)
		return 0;
	want[n] = '\0';
	r->stats.changed++;
	if (S_ISDIR(x->now.st_mode)) {
		done = file_remove_tree(l->to, x->name, e);
		if (done < 0)
			return done;
	}
	return place_symlink(l->to, x->name, want, &as, e);
}

static int later(struct restorer *r, const char *path, mode_t mode)
{
	if ((r->n_modes & (r->n_modes - 1)) == 0) {
		void *grown = realloc(
			r->modes, (r->n_modes ? r->n_modes * 2 : 1) * sizeof(*r->modes));

		if (!grown)
			return -ENOMEM;
		r->modes = grown;
	}
	r->modes[r->n_modes] = (struct dir_mode){ strdup(path), mode };
	return r->modes[r->n_modes].path ? (r->n_modes++, 0) : -ENOMEM;
}

static int restore_dir(
	struct restorer *r, const struct level *l, const struct entry *x, struct err *e)
{
	mode_t mode = x->ino ? x->ino->mode & 07777 : 0700;
	int done;

	/* one that could not be listed then is not emptied now */
	if (undo_point_skipped(&r->point, x->path) && S_ISDIR(x->now.st_mode))
		return 0;
	if (!S_ISDIR(x->now.st_mode)) {
		done = file_remove_tree(l->to, x->name, e);
		if (done < 0)
			return done;
		if (mkdirat(l->to, x->name, 0700) < 0)
			return err_sys(e, "make directory '%s'", x->path);
		if (r->ws->uid != PLACE_ANYONE &&
			fchownat(l->to, x->name, r->ws->uid, r->ws->gid,
				AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, "give '%s' its owner", x->path);
		r->stats.changed++;
	}
	if ((!S_ISDIR(x->now.st_mode) || (x->now.st_mode & 07777) != mode) &&
		later(r, x->path, mode) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return strv_add(&r->todo, x->path) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int restore_entry(
	struct restorer *r, const struct level *l, const char *name, struct err *e)
{
	auto_free char *path = undo_join(l->path, name);
	struct entry x = { .name = name, .path = path };
	int done;

	if (!path)
		return err_set(e, ENOMEM, "out of memory");
	r->stats.entries++;
	if (fstatat(l->from, name, &x.then, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat the copy of '%s'", path);
	if (fstatat(l->to, name, &x.now, AT_SYMLINK_NOFOLLOW) < 0)
		x.now = (struct stat){ 0 };
	x.ino = undo_point_find(&r->point, x.then.st_ino);
	if (S_ISDIR(x.then.st_mode))
		return restore_dir(r, l, &x, e);
	if (S_ISLNK(x.then.st_mode))
		return restore_link(r, l, &x, e);
	done = restore_again(r, l, &x, e);
	return done <= 0 ? done : restore_file(r, l, &x, e);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What came after the restore point. */
static int remove_new(
	struct restorer *r, const struct level *l, const struct strv *old, struct err *e)
{
	auto_strv struct strv now = { 0 };
	int done = undo_list(l->to, &now);

	if (done < 0)
		return err_set(e, -done, "list '%s'", l->path);
	for (size_t i = 0; i < now.n; i++) {
		const char *name = now.v[i];
		auto_free char *path = undo_join(l->path, name);
		struct err why = { 0 };

		if (!path)
			return err_set(e, ENOMEM, "out of memory");
		if ((old->n &&
			    bsearch(&name, old->v, old->n, sizeof(name),
				    compare_names)) ||
			undo_point_skipped(&r->point, path))
			continue;
		if (file_remove_tree(l->to, name, &why) < 0)
			failed(r, &why);
		else
			r->stats.removed++;
	}
	return 0;
}

/* The workspace's directory, made enterable if it is not. */
static int open_here(struct restorer *r, const char *path)
{
	int fd = undo_open_dir(r->ws->root, path);
	struct err quiet;
	auto_fd int at = -1;

	if (fd != -EACCES)
		return fd;
	at = path_open_plain(
		r->ws->root, *path ? path : ".", O_PATH | O_DIRECTORY, 0, &quiet);
	return at >= 0 && place_chmod(at, 0700) == 0 ? undo_open_dir(r->ws->root, path)
						     : fd;
}

static int restore_level(struct restorer *r, const char *path, struct err *e)
{
	auto_fd int from = undo_open_dir(r->tree, path);
	auto_fd int to = open_here(r, path);
	auto_strv struct strv names = { 0 };
	struct level l = { path, from, to };
	struct stat st;
	int done;

	if (from < 0 || to < 0)
		return err_set(
			e, from < 0 ? -from : -to, "open '%s'", *path ? path : ".");
	/* our own, but not to be written in: the recorded mode comes back in the end */
	if (fstat(to, &st) == 0 && (st.st_mode & 0700) != 0700 &&
		(fchmod(to, st.st_mode | 0700) < 0 ||
			later(r, path, st.st_mode & 07777) < 0))
		return err_set(e, EACCES, "make '%s' writable", path);
	done = undo_list(from, &names);
	if (done < 0)
		return err_set(e, -done, "list the restore point");
	done = remove_new(r, &l, &names, e);
	for (size_t i = 0; done == 0 && i < names.n; i++) {
		struct err why = { 0 };

		done = restore_entry(r, &l, names.v[i], &why);
		if (done < 0 && done != -ENOMEM) {
			failed(r, &why);
			done = 0;
		}
	}
	return done < 0
		? err_set(e, -done, "restore '%s': %s", path, strerrordesc_np(-done))
		: 0;
}

/* A mode of the restore point was noted before one that was found on the way in, and
 * wins. */
static void set_modes(struct restorer *r)
{
	for (size_t i = r->n_modes; i > 0; i--) {
		const struct dir_mode *m = &r->modes[i - 1];
		struct err quiet;
		auto_fd int fd = path_open_plain(r->ws->root, *m->path ? m->path : ".",
			O_PATH | O_DIRECTORY, 0, &quiet);

		if (fd >= 0)
			(void)place_chmod(fd, m->mode);
	}
}

static int restore_all(struct restorer *r, struct err *e)
{
	const struct undo_inode *top;
	struct stat st;
	int done = 0;

	if (fstat(r->tree, &st) < 0)
		return err_sys(e, "stat the restore point");
	top = undo_point_find(&r->point, st.st_ino);
	if (strv_add(&r->todo, "") < 0 || (top && later(r, "", top->mode & 07777) < 0))
		return err_set(e, ENOMEM, "out of memory");
	while (r->todo.n > 0) {
		auto_free char *path = r->todo.v[--r->todo.n];
		struct err why = { 0 };

		r->todo.v[r->todo.n] = NULL;
		done = restore_level(r, path, &why);
		if (done < 0)
			failed(r, &why);
	}
	set_modes(r);
	if (syncfs(r->ws->root) < 0 && errno != EBADF)
		return err_sys(e, "write '%s' to disk", r->ws->path);
	return 0;
}

int undo_restore(const struct undo_ws *ws, int point, int keep,
	const struct undo_terms *terms, struct undo_stats *ret, struct err *e)
{
	struct undo_terms mine = terms ? *terms : (struct undo_terms){ 0 };
	struct restorer r = { .ws = ws, .tree = -1 };
	struct undo_stats kept;
	struct err quiet;
	int done = undo_point_load(point, &r.point, e);

	if (done < 0)
		return done;
	r.tree =
		openat(point, UNDO_TREE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r.tree < 0)
		done = err_sys(e, "open the restore point");
	mine.before = point;
	if (done == 0 && keep >= 0)
		r.stats.kept = undo_take(ws, keep, &mine, &kept, &quiet) == 0;
	if (done == 0)
		done = restore_all(&r, e);
	if (done == 0 && r.first.code) {
		*e = r.first;
		done = err_wrap(e, "undo in '%s': %llu not put back", ws->path,
			(unsigned long long)r.stats.skipped);
	}
	if (done == 0)
		*ret = r.stats;
	if (r.tree >= 0)
		(void)close(r.tree);
	for (size_t i = 0; i < r.n_modes; i++)
		free(r.modes[i].path);
	free(r.modes);
	strv_clear(&r.todo);
	undo_links_clear(&r.links);
	undo_point_clear(&r.point);
	return done;
}
