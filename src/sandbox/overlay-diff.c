/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/overlay.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* A directory of the upper tree still to be compared. */
struct todo {
	char *path;
	bool alone; /* nothing of the lower tree shows through */
};

struct differ {
	const struct overlay_ws *ws;
	struct overlay_diff *out;
	struct todo *todo;
	size_t n_todo;
};

/* The directory being compared. */
struct pair {
	const char *path;
	int upper, lower; /* lower: -1 when nothing shows through */
	struct strv names;
};

static int change(struct differ *d, char *path, char op, const struct stat *st)
{
	struct overlay_diff *out = d->out;

	if (!path)
		return -ENOMEM;
	if (out->n == OVERLAY_CHANGES_MAX) {
		out->partial = true;
		free(path);
		return 0;
	}
	if ((out->n & (out->n - 1)) == 0) {
		void *grown =
			realloc(out->v, (out->n ? out->n * 2 : 1) * sizeof(*out->v));

		if (!grown) {
			free(path);
			return -ENOMEM;
		}
		out->v = grown;
	}
	out->v[out->n++] = (struct overlay_change){ path, op, st->st_mode,
		S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0 };
	return 0;
}

static int later(struct differ *d, const char *path, bool alone)
{
	if ((d->n_todo & (d->n_todo - 1)) == 0) {
		void *grown = realloc(
			d->todo, (d->n_todo ? d->n_todo * 2 : 1) * sizeof(*d->todo));

		if (!grown)
			return -ENOMEM;
		d->todo = grown;
	}
	d->todo[d->n_todo] = (struct todo){ strdup(path), alone };
	return d->todo[d->n_todo].path ? (d->n_todo++, 0) : -ENOMEM;
}

static char *join(const char *dir, const char *name)
{
	return *dir ? str_printf("%s/%s", dir, name) : strdup(name);
}

static bool has_xattr(int fd, const char *name, char *first)
{
	char value[256];
	ssize_t n = fgetxattr(fd, name, value, sizeof(value));

	*first = n > 0 ? value[0] : '\0';
	return n >= 0 || errno == ERANGE;
}

/* An empty file may be a whiteout; a file without its data may be a metadata-only copy.
 */
static int look_at_file(const struct pair *p, const char *name, const struct stat *st,
	bool *whiteout, struct err *e)
{
	auto_fd int fd = openat(p->upper, name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char first;

	*whiteout = false;
	if (fd < 0)
		return 0;
	if (st->st_size == 0)
		*whiteout = has_xattr(fd, "user.overlay.whiteout", &first);
	if (has_xattr(fd, "user.overlay.metacopy", &first))
		return err_set(
			e, EOPNOTSUPP, "'%s/%s' is a copy without data", p->path, name);
	return 0;
}

static bool same_text(int a, int b)
{
	static char x[65536], y[65536];

	for (;;) {
		ssize_t n = read(a, x, sizeof(x)), m = 0;

		if (n < 0)
			return false;
		while (m < n) {
			ssize_t k = read(b, y + m, (size_t)(n - m));

			if (k <= 0)
				return false;
			m += k;
		}
		if (n == 0)
			return read(b, y, 1) == 0;
		if (memcmp(x, y, (size_t)n) != 0)
			return false;
	}
}

static bool same_file(const struct pair *p, const char *name)
{
	static const int flags =
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	auto_fd int a = openat(p->upper, name, flags);
	auto_fd int b = openat(p->lower, name, flags);

	return a >= 0 && b >= 0 && same_text(a, b);
}

static bool same_link(const struct pair *p, const char *name)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t n = readlinkat(p->upper, name, a, sizeof(a));
	ssize_t m = readlinkat(p->lower, name, b, sizeof(b));

	return n >= 0 && n == m && memcmp(a, b, (size_t)n) == 0;
}

/* Both sides have it and are of one type: is there a difference? */
static bool is_same(const struct pair *p, const char *name, const struct stat *up,
	const struct stat *low)
{
	if (S_ISLNK(up->st_mode))
		return same_link(p, name);
	if ((up->st_mode & 0777) != (low->st_mode & 0777))
		return false;
	if (S_ISREG(up->st_mode))
		return up->st_size == low->st_size && same_file(p, name);
	return true;
}

static int compare_entry(
	struct differ *d, const struct pair *p, const char *name, struct err *e)
{
	auto_free char *path = join(p->path, name);
	struct stat up, low;
	bool old =
		p->lower >= 0 && fstatat(p->lower, name, &low, AT_SYMLINK_NOFOLLOW) == 0;
	bool whiteout = false;
	char op = 'A';
	int r;

	if (!path)
		return -ENOMEM;
	if (fstatat(p->upper, name, &up, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISREG(up.st_mode)) {
		r = look_at_file(p, name, &up, &whiteout, e);
		if (r < 0)
			return r;
	}
	if (whiteout || (S_ISCHR(up.st_mode) && up.st_rdev == makedev(0, 0)))
		return old ? change(d, take_ptr(&path), 'D', &low) : 0;
	if (strlen(path) >= PATH_MAX) {
		d->out->skipped++;
		return 0;
	}
	if (old)
		op = (up.st_mode & S_IFMT) != (low.st_mode & S_IFMT) ? 'T' : 'M';
	if (S_ISDIR(up.st_mode) && later(d, path, op != 'M') < 0)
		return -ENOMEM;
	if (op == 'M' && is_same(p, name, &up, &low))
		return 0;
	return change(d, take_ptr(&path), op, &up);
}

static int list(int fd, struct strv *names)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir) {
		r = -errno;
		if (copy >= 0)
			(void)close(copy);
		return r;
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(dir));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = strv_add(names, ent->d_name);
	(void)closedir(dir);
	strv_sort(names);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the lower directory has and an opaque one over it does not. */
static int delete_hidden(struct differ *d, const struct pair *p)
{
	auto_strv struct strv names = { 0 };
	int r = list(p->lower, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *name = names.v[i];
		struct stat st;

		if (p->names.n &&
			bsearch(&name, p->names.v, p->names.n, sizeof(name),
				compare_names))
			continue;
		if (fstatat(p->lower, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			r = change(d, join(p->path, name), 'D', &st);
	}
	return r;
}

static int compare_dir(struct differ *d, const struct todo *t, struct err *e)
{
	static const uint64_t flags = O_RDONLY | O_DIRECTORY;
	const char *at = *t->path ? t->path : ".";
	struct err quiet;
	auto_fd int upper = path_open_plain(d->ws->upper, at, flags, 0, &quiet);
	auto_fd int lower =
		t->alone ? -1 : path_open_plain(d->ws->lower, at, flags, 0, &quiet);
	struct pair p = { .path = t->path, .upper = upper, .lower = lower };
	char first = '\0';
	int r;

	if (upper < 0) {
		d->out->skipped++;
		return 0;
	}
	if (has_xattr(upper, "user.overlay.redirect", &first))
		return err_set(e, EOPNOTSUPP, "'%s' is a redirect", at);
	r = list(upper, &p.names);
	for (size_t i = 0; r == 0 && i < p.names.n; i++)
		r = compare_entry(d, &p, p.names.v[i], e);
	if (r == 0 && lower >= 0 && has_xattr(upper, "user.overlay.opaque", &first) &&
		first == 'y')
		r = delete_hidden(d, &p);
	strv_clear(&p.names);
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	const struct overlay_change *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int overlay_diff(const struct overlay_ws *ws, struct overlay_diff *ret, struct err *e)
{
	AUTO(overlay_diff_clear) struct overlay_diff out = { 0 };
	struct differ d = { .ws = ws, .out = &out };
	struct err why = { 0 };
	int r = later(&d, "", false);

	while (r == 0 && d.n_todo > 0) {
		struct todo t = d.todo[--d.n_todo];

		r = compare_dir(&d, &t, &why);
		free(t.path);
	}
	while (d.n_todo > 0)
		free(d.todo[--d.n_todo].path);
	free(d.todo);
	if (r < 0)
		return err_set(e, -r, "compare '%s': %s", ws->path,
			why.code ? why.msg : strerrordesc_np(-r));
	if (out.n)
		qsort(out.v, out.n, sizeof(*out.v), compare_paths);
	*ret = out;
	out = (struct overlay_diff){ 0 };
	return 0;
}

void overlay_diff_clear(struct overlay_diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i].path);
	free(d->v);
	*d = (struct overlay_diff){ 0 };
}
