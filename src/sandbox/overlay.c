/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the list of differences is the plan. Each change is made by one
 * system call that either happened or did not, so that after a crash the list is merely
 * shorter. Configurations of git come after the files, because whether core.worktree
 * stays inside is asked of the host's tree; permissions of directories come last, from
 * the deepest up, because a directory that is read-only can't be filled.
 */
#include "sandbox/overlay.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "sandbox/gitconfig.h"
#include "sandbox/guard-config.h"
#include "sandbox/overlay-filter.h"
#include "sandbox/place.h"

#include <dirent.h>
#include <limits.h>

struct apply {
	const struct overlay_ws *ws;
	const struct overlay_filter *filter;
	uint64_t since;
	unsigned flags;
};

/* What became of one change; 'why' is allocated. */
struct fate {
	enum overlay_outcome outcome;
	char *why;
};

static int note(
	struct overlay_report *rep, const struct overlay_change *c, struct fate *f)
{
	struct overlay_event *ev = &rep->v[rep->n];

	*ev = (struct overlay_event){ strdup(c->path), take_ptr(&f->why), c->op,
		f->outcome };
	rep->left += f->outcome != OVERLAY_APPLIED;
	rep->n++;
	return ev->path ? 0 : -ENOMEM;
}

static uint64_t ctime_of(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec;
}

/* Did the host change 'path', or a file beneath it, since then? What can't be seen, it
 * did. */
static bool host_changed(const struct apply *a, const char *path)
{
	struct err quiet;
	auto_fd int fd = path_open_plain(a->ws->lower, path, O_PATH, 0, &quiet);
	struct stat st;
	DIR *dir;
	bool changed = false;
	int list;

	if (fd < 0)
		return fd != -ENOENT && fd != -ENOTDIR && fd != -ELOOP;
	if (fstat(fd, &st) < 0)
		return true;
	if (!S_ISDIR(st.st_mode))
		return ctime_of(&st) >= a->since;
	list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = list < 0 ? NULL : fdopendir(list);
	if (!dir) {
		if (list >= 0)
			(void)close(list);
		return true;
	}
	for (struct dirent *ent; !changed && (ent = readdir(dir));) {
		auto_free char *below = NULL;

		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		below = str_printf("%s/%s", path, ent->d_name);
		changed = !below || strlen(below) >= PATH_MAX || host_changed(a, below);
	}
	(void)closedir(dir);
	return changed;
}

static int apply_dir(const struct apply *a, int dir, const char *name, struct err *e)
{
	if (mkdirat(dir, name, 0700) == 0) {
		if (a->ws->uid != PLACE_ANYONE &&
			fchownat(dir, name, a->ws->uid, a->ws->gid, AT_SYMLINK_NOFOLLOW) <
				0)
			return err_sys(e, "give '%s' its owner", name);
		return 0;
	}
	return errno == EEXIST ? 0 : err_sys(e, "make directory '%s'", name);
}

static int apply_link(
	const struct apply *a, const char *path, int dir, const char *name, struct err *e)
{
	struct place as = { .uid = a->ws->uid, .gid = a->ws->gid };
	auto_fd int fd = path_open_plain(a->ws->upper, path, O_PATH, 0, e);
	char target[PATH_MAX];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return err_sys(e, "read link '%s'", path);
	target[n] = '\0';
	return place_symlink(dir, name, target, &as, e);
}

/* Read the lower and the upper text of a configuration, and take out what is new and
 * runs. */
static int trim_config(const struct apply *a, const char *path, struct guard_trim *t,
	struct buf *text, struct err *e)
{
	struct guard_item was = { .path = (char *)(uintptr_t)path }, is = was;
	struct guard_ws upper = { .root = a->ws->upper, .path = a->ws->path };
	auto_buf struct buf before = { 0 };
	struct err quiet;
	int r = guard_item_read(&upper, &is, text, e);

	if (r < 0)
		return r;
	if (guard_item_read(&a->filter->host, &was, &before, &quiet) < 0 ||
		was.type != GUARD_FILE)
		before.len = 0;
	return guard_trim(&a->filter->host, path, &before, text, t);
}

/* Is the host's what an earlier apply made of it: all but what was held back? */
static bool is_trimmed(const struct apply *a, const struct overlay_change *c)
{
	AUTO(guard_trim_clear) struct guard_trim t = { 0 };
	struct guard_item is = { .path = c->path };
	auto_buf struct buf text = { 0 }, now = { 0 };
	struct err quiet;
	bool config = false;

	if (!S_ISREG(c->mode) ||
		overlay_filter_why(a->filter, c->path, c->mode, &config) || !config)
		return false;
	if (trim_config(a, c->path, &t, &text, &quiet) < 0 || t.n == 0 ||
		guard_item_read(&a->filter->host, &is, &now, &quiet) < 0)
		return false;
	return is.type == GUARD_FILE && now.len == t.text.len &&
		memcmp(now.data, t.text.data, now.len) == 0;
}

static bool conflicts(const struct apply *a, const struct overlay_change *c)
{
	struct err quiet;
	auto_fd int fd = -1;

	if ((a->flags & OVERLAY_FORCE) || !a->since)
		return false;
	/* permissions of a directory are nobody's work */
	if (c->op == 'M' && S_ISDIR(c->mode))
		return false;
	if (c->op != 'A')
		return host_changed(a, c->path) && !is_trimmed(a, c);
	fd = path_open_plain(a->ws->lower, c->path, O_PATH, 0, &quiet);
	return fd >= 0;
}

static int apply_file(const struct apply *a, const struct overlay_change *c, int dir,
	const char *name, struct err *e)
{
	auto_fd int fd =
		path_open_plain(a->ws->upper, c->path, O_RDONLY | O_NONBLOCK, 0, e);
	struct place as = { .uid = a->ws->uid, .gid = a->ws->gid };
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "'%s' is no regular file any more", c->path);
	as.mode = st.st_mode & 0777;
	as.mtime = &st.st_mtim;
	return place_file(dir, name, fd, &as, e);
}

static int apply_config(const struct apply *a, const struct overlay_change *c, int dir,
	const char *name, struct fate *f, struct err *e)
{
	AUTO(guard_trim_clear) struct guard_trim t = { 0 };
	auto_buf struct buf text = { 0 };
	struct place as = {
		.mode = c->mode & 0777, .uid = a->ws->uid, .gid = a->ws->gid
	};
	int r = trim_config(a, c->path, &t, &text, e);

	if (r == -EBADMSG || r == -EFBIG) {
		f->outcome = OVERLAY_HELD;
		return str_set(&f->why, "git's configuration is malformed");
	}
	if (r < 0)
		return r;
	if (t.n == 0)
		return place_bytes(dir, name, text.data, text.len, &as, e);
	f->outcome = OVERLAY_TRIMMED;
	r = str_set(&f->why, t.why.data);
	return r < 0 ? r : place_bytes(dir, name, t.text.data, t.text.len, &as, e);
}

static int make(const struct apply *a, const struct overlay_change *c, bool config,
	struct fate *f, struct err *e)
{
	const char *name;
	auto_fd int dir = place_open_parent(a->ws->lower, c->path, &name, e);

	if (dir < 0)
		return dir;
	if (c->op == 'D' || c->op == 'T') {
		int r = file_remove_tree(dir, name, e);

		if (r < 0 || c->op == 'D')
			return r;
	}
	switch (c->mode & S_IFMT) {
	case S_IFDIR: return c->op == 'M' ? 0 : apply_dir(a, dir, name, e);
	case S_IFLNK: return apply_link(a, c->path, dir, name, e);
	case S_IFREG:
		return config ? apply_config(a, c, dir, name, f, e)
			      : apply_file(a, c, dir, name, e);
	default: f->outcome = OVERLAY_SPECIAL; return 0;
	}
}

/* Was it asked for, or is it a new directory on the way to what was? */
static bool is_wanted(const struct apply *a, const struct overlay_change *c)
{
	for (char *const *only = a->ws->only; only && *only; only++)
		if (path_beneath(c->path, *only) ||
			(c->op != 'M' && S_ISDIR(c->mode) &&
				path_beneath(*only, c->path)))
			return true;
	return !a->ws->only;
}

/* Leave out what was not asked for; the order stays. */
static void choose(const struct apply *a, struct overlay_diff *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (is_wanted(a, &d->v[i]))
			d->v[n++] = d->v[i];
		else
			free(d->v[i].path);
	}
	d->n = n;
}

/* 'late': configurations, which the first pass over the list left out. */
static int apply_one(const struct apply *a, const struct overlay_change *c, bool late,
	struct overlay_report *rep)
{
	struct fate f = { OVERLAY_APPLIED, NULL };
	struct err e = { 0 };
	const char *why = NULL;
	bool config = false;

	if (c->op != 'D' && !(a->flags & OVERLAY_PROTECTED))
		why = overlay_filter_why(a->filter, c->path, c->mode, &config);
	if (config && !why && !late)
		return 1;
	if (why) {
		f.outcome = OVERLAY_HELD;
		(void)str_set(&f.why, why);
	} else if (conflicts(a, c)) {
		f.outcome = OVERLAY_CONFLICT;
		(void)str_set(&f.why, "the host changed it too");
	} else if (make(a, c, config, &f, &e) < 0) {
		f.outcome = OVERLAY_FAILED;
		(void)str_set(&f.why, e.code ? e.msg : "out of memory");
	}
	return note(rep, c, &f);
}

/* Permissions of new and changed directories. A set-group-ID bit of the host's stays. */
static void finish_dir(
	const struct apply *a, const struct overlay_change *c, struct overlay_event *ev)
{
	struct err e = { 0 };
	auto_fd int fd =
		path_open_plain(a->ws->lower, c->path, O_PATH | O_DIRECTORY, 0, &e);
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0)
		r = place_chmod(fd, (st.st_mode & 07000) | (c->mode & 0777));
	if (r < 0) {
		ev->outcome = OVERLAY_FAILED;
		(void)str_set(&ev->why, strerrordesc_np(-r));
	}
}

static int compare_events(const void *a, const void *b)
{
	const struct overlay_event *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int apply_all(
	const struct apply *a, const struct overlay_diff *d, struct overlay_report *rep)
{
	auto_free bool *late = calloc(d->n + 1, sizeof(*late));
	int r = 0;

	rep->v = calloc(d->n + 1, sizeof(*rep->v));
	if (!rep->v || !late)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < d->n; i++) {
		r = apply_one(a, &d->v[i], false, rep);
		late[i] = r == 1;
	}
	for (size_t i = 0; r >= 0 && i < d->n; i++)
		if (late[i])
			r = apply_one(a, &d->v[i], true, rep);
	if (r < 0)
		return r;
	/* now one event a change, in the same order */
	if (rep->n)
		qsort(rep->v, rep->n, sizeof(*rep->v), compare_events);
	for (size_t i = d->n; i > 0; i--)
		if (d->v[i - 1].op != 'D' && S_ISDIR(d->v[i - 1].mode) &&
			rep->v[i - 1].outcome == OVERLAY_APPLIED)
			finish_dir(a, &d->v[i - 1], &rep->v[i - 1]);
	rep->left = 0;
	for (size_t i = 0; i < rep->n; i++)
		rep->left += rep->v[i].outcome != OVERLAY_APPLIED;
	return 0;
}

int overlay_apply(const struct overlay_ws *ws, uint64_t since, unsigned flags,
	struct overlay_report *ret, struct err *e)
{
	AUTO(overlay_diff_clear) struct overlay_diff d = { 0 };
	AUTO(overlay_filter_clear) struct overlay_filter f = { 0 };
	AUTO(overlay_report_clear) struct overlay_report rep = { 0 };
	struct apply a = { ws, &f, since, flags };
	int r = overlay_diff(ws, &d, e);

	if (r == 0)
		r = overlay_filter_init(&f, ws, e);
	if (r < 0)
		return r;
	choose(&a, &d);
	r = apply_all(&a, &d, &rep);
	if (r < 0)
		return err_set(e, -r, "apply to '%s': %s", ws->path, strerrordesc_np(-r));
	rep.partial = d.partial || d.skipped > 0;
	/* the overlay is the only other copy, and may be discarded next */
	if (syncfs(ws->lower) < 0 && errno != EBADF)
		return err_sys(e, "write '%s' to disk", ws->path);
	*ret = rep;
	rep = (struct overlay_report){ 0 };
	return 0;
}

void overlay_report_clear(struct overlay_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].path);
		free(r->v[i].why);
	}
	free(r->v);
	*r = (struct overlay_report){ 0 };
}

static int empty(int fd, const char *what, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir) {
		r = err_sys(e, "open the %s directory", what);
		if (copy >= 0)
			(void)close(copy);
		return r;
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(dir));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = file_remove_tree(fd, ent->d_name, e);
	(void)closedir(dir);
	return r < 0 ? err_wrap(e, "empty the %s directory", what) : 0;
}

int overlay_discard(int upper, int work, struct err *e)
{
	int r = empty(upper, "upper", e);

	return r < 0 ? r : empty(work, "work", e);
}
