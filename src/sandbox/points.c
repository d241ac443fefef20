/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/points.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "linux/fsname.h"
#include "linux/idmap.h"
#include "sandbox/clean.h"
#include "sandbox/sandbox.h"

#include <dirent.h>

#define PATH_LEN   64
#define POINTS_MAX 64U
#define BY_UNDO    "by-undo"

/* After a workspace was found to be too large, brig doesn't try again at once; that it took
 * too long may have been the machine's load. */
#define RETRY_NS      (24ULL * 3600 * NS_PER_SEC)
#define RETRY_TIME_NS (600 * NS_PER_SEC)

static int is_off(struct err *e)
{
	(void)err_set(e, EOPNOTSUPP, "restore points are off: " POINTS_ENV "=off");
	return -EOPNOTSUPP;
}

int points_terms(struct undo_terms *ret, struct err *e)
{
	const char *set = getenv(POINTS_ENV);
	uint64_t bytes;
	int r;

	*ret = (struct undo_terms){ .entries = POINTS_ENTRIES_MAX,
		.time_ns = POINTS_TIME_MAX_MS * NS_PER_MS,
		.bytes = POINTS_BYTES_MAX,
		.before = -1 };
	if (!set || !*set)
		return 0;
	if (strcmp(set, "off") == 0)
		return is_off(e);
	r = str_to_size(set, &bytes, e);
	if (r < 0)
		return err_wrap(e, POINTS_ENV);
	if (bytes == 0)
		return is_off(e);
	*ret = (struct undo_terms){
		.time_ns = POINTS_TIME_ASKED_MS * NS_PER_MS, .bytes = bytes, .before = -1
	};
	return 0;
}

void points_remedy(const char *path, struct err *e)
{
	err_hint(e,
		"give it as '%.100s:overlay', or allow larger copies: " POINTS_ENV
		"=SIZE, or have it and brig's files on one btrfs or XFS (brig undo "
		"--help)",
		path);
}

static bool has_points(const struct mount_spec *m)
{
	return m->workspace && m->mode == MOUNT_RW;
}

static int open_workspace(const struct mount_spec *m)
{
	return path_open_real(m->src, O_RDONLY | O_DIRECTORY, NULL);
}

int points_possible(const struct sandbox *s, size_t i, struct err *e)
{
	const struct mount_spec *m = record_mount(&s->rec, i);

	/* it would hold itself, and an undo would remove brig's own records */
	if (!path_beneath(s->path, m->src))
		return 0;
	(void)err_set(e, EOPNOTSUPP,
		"no restore point of '%s': brig's own files are in it", m->src);
	err_hint(e, "mount it as an overlay instead: brig run '%s:overlay'", m->src);
	return -EOPNOTSUPP;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All numbers there are, at most POINTS_MAX, sorted. */
static size_t list_all(const struct sandbox *s, uint64_t all[POINTS_MAX])
{
	int fd = openat(s->dir, "undo", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;

	if (!dir) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	for (struct dirent *d; n < POINTS_MAX && (d = readdir(dir));)
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' &&
			strspn(d->d_name, "0123456789") == strlen(d->d_name))
			all[n++] = strtoull(d->d_name, NULL, 10);
	(void)closedir(dir);
	qsort(all, n, sizeof(*all), compare);
	return n;
}

size_t points_list(const struct sandbox *s, uint64_t *ret, size_t max)
{
	uint64_t all[POINTS_MAX];
	size_t n = list_all(s, all), from = n > max ? n - max : 0;

	memcpy(ret, all + from, (n - from) * sizeof(*all));
	return n - from;
}

static void path_of(uint64_t number, const char *below, char out[PATH_LEN])
{
	(void)snprintf(out, PATH_LEN, "undo/%llu%s", (unsigned long long)number, below);
}

static void mount_path(uint64_t number, size_t i, char out[PATH_LEN])
{
	char below[24];

	(void)snprintf(below, sizeof(below), "/%zu", i);
	path_of(number, below, out);
}

int points_open(const struct sandbox *s, uint64_t number, size_t i)
{
	char path[PATH_LEN];
	int fd;

	mount_path(number, i, path);
	fd = openat(s->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

bool points_is_undo(const struct sandbox *s, uint64_t number)
{
	char path[PATH_LEN];

	path_of(number, "/" BY_UNDO, path);
	return faccessat(s->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int64_t make(const struct sandbox *s, struct err *e)
{
	uint64_t all[POINTS_MAX], next;
	size_t n = list_all(s, all);
	char path[PATH_LEN];
	int r;

	next = n ? all[n - 1] + 1 : 1;
	path_of(next, "", path);
	r = file_mkdirs(s->dir, path, 0700, e);
	return r < 0 ? r : (int64_t)next;
}

int64_t points_new(const struct sandbox *s, struct err *e)
{
	int64_t number = make(s, e);
	char path[PATH_LEN];
	int r;

	if (number < 0)
		return number;
	path_of((uint64_t)number, "/" BY_UNDO, path);
	r = file_replace(s->dir, path, "", 0, 0600, 0, e);
	return r < 0 ? r : number;
}

int points_new_mount(const struct sandbox *s, uint64_t number, size_t i, struct err *e)
{
	char path[PATH_LEN];

	mount_path(number, i, path);
	return file_open_dir(s->dir, path, 0700, e);
}

int points_drop(const struct sandbox *s, uint64_t number, struct err *e)
{
	char path[PATH_LEN];

	/* whatever stops this half-way: no undo may take it for whole any more */
	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		auto_fd int fd = points_open(s, number, i);

		if (fd >= 0)
			undo_break(fd);
	}
	path_of(number, "", path);
	return file_remove_tree(s->dir, path, e);
}

/* Remove what is half of one; is there more to it? */
static bool sweep_one(const struct sandbox *s, uint64_t number)
{
	bool more = false;

	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		auto_fd int fd = points_open(s, number, i);
		char path[PATH_LEN];

		if (fd == -ENOENT)
			continue;
		/* an undo's can't be looked into by anyone but root inside */
		if (fd < 0 || !undo_is_half(fd)) {
			more = true;
			continue;
		}
		mount_path(number, i, path);
		(void)file_remove_tree(s->dir, path, NULL);
	}
	return more;
}

void points_sweep(const struct sandbox *s)
{
	uint64_t all[POINTS_MAX];
	size_t n = list_all(s, all);

	for (size_t k = 0; k < n; k++)
		if (!sweep_one(s, all[k]))
			(void)points_drop(s, all[k], NULL);
}

struct trim {
	const struct sandbox *s;
	uint64_t all[POINTS_MAX];
	size_t n; /* of those to go */
};

static int trim_work(void *with, struct err *e)
{
	const struct trim *t = with;
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++)
		r = points_drop(t->s, t->all[i], e);
	return r;
}

int points_trim(const struct sandbox *s, struct err *e)
{
	struct trim t = { .s = s };
	struct idmap ids;
	struct err quiet;
	int r;

	t.n = list_all(s, t.all);
	t.n = t.n > POINTS_KEPT ? t.n - POINTS_KEPT : 0;
	if (t.n == 0 || trim_work(&t, &quiet) == 0)
		return 0;
	/* what an undo kept belongs to root inside */
	r = idmap_for_caller(&ids, e);
	return r < 0 ? r : clean_in_userns(&ids, -1, trim_work, &t, e);
}

static void why_path(size_t i, char out[PATH_LEN])
{
	(void)snprintf(out, PATH_LEN, "undo/why-%zu", i);
}

/* The line after the reason: the kind of bound and the setting that it was over. */
static char *second_line(int code)
{
	const char *set = getenv(POINTS_ENV);

	return str_printf("%s %s",
		code == E2BIG               ? "size"
			: code == ETIMEDOUT ? "time"
					    : "none",
		set && *set ? set : "default");
}

static char *read_why(const struct sandbox *s, size_t i, char **second)
{
	auto_buf struct buf text = { 0 };
	char path[PATH_LEN], *line;
	struct err quiet;

	why_path(i, path);
	if (file_read(s->dir, path, 4096, &text, &quiet) < 0 || !text.len)
		return NULL;
	line = buf_take(&text);
	*second = line + strcspn(line, "\n");
	if (**second)
		*(*second)++ = '\0';
	return line;
}

static bool failed_lately(const struct sandbox *s, size_t i)
{
	auto_free char *size = second_line(E2BIG), *slow = second_line(ETIMEDOUT);
	char path[PATH_LEN], *with = NULL;
	auto_free char *why = read_why(s, i, &with);
	uint64_t wait, now = clock_real_ns();
	struct stat st;

	if (!why || !size || !slow)
		return false;
	wait = strcmp(with, size) == 0    ? RETRY_NS
		: strcmp(with, slow) == 0 ? RETRY_TIME_NS
					  : 0;
	why_path(i, path);
	return wait && fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		(uint64_t)st.st_mtim.tv_sec * NS_PER_SEC + wait > now;
}

char *points_why(const struct sandbox *s, size_t i)
{
	char *with;

	return read_why(s, i, &with);
}

static void remember_why(const struct sandbox *s, size_t i, const struct err *why)
{
	auto_free char *second = second_line(why ? why->code : 0);
	auto_free char *text =
		why && second ? str_printf("%s\n%s", why->msg, second) : NULL;
	char path[PATH_LEN];

	why_path(i, path);
	if (text)
		(void)file_replace(s->dir, path, text, strlen(text), 0600, 0, NULL);
	else
		(void)unlinkat(s->dir, path, 0);
}

/* The newest whole one of mount 'i'. Descriptor, or -1. */
static int open_newest(const struct sandbox *s, size_t i)
{
	uint64_t all[POINTS_MAX];

	for (size_t n = list_all(s, all); n > 0; n--) {
		int fd = points_open(s, all[n - 1], i);

		if (fd >= 0 && undo_exists(fd, NULL))
			return fd;
		if (fd >= 0)
			(void)close(fd);
	}
	return -1;
}

/* 1 when there is one now, 0 when there is none and nothing to say, or -errno. */
static int take_one(const struct sandbox *s, size_t i, int64_t *number, struct err *e)
{
	const struct mount_spec *m = record_mount(&s->rec, i);
	auto_fd int root = open_workspace(m);
	auto_fd int dest = -1, before = -1;
	struct undo_terms terms;
	struct undo_ws ws = { root, m->src, (uid_t)-1, (gid_t)-1 };
	struct undo_stats stats;
	char path[PATH_LEN];
	int r;

	if (root < 0 || points_possible(s, i, e) < 0)
		return 0;
	r = points_terms(&terms, e);
	if (r < 0)
		return r;
	if (failed_lately(s, i))
		return 0;
	terms.before = before = open_newest(s, i);
	if (*number == 0)
		*number = make(s, e);
	if (*number < 0)
		return (int)*number;
	dest = points_new_mount(s, (uint64_t)*number, i, e);
	r = dest < 0 ? dest : undo_take(&ws, dest, &terms, &stats, e);
	if (r == 0)
		return 1;
	if (r == -E2BIG || r == -ETIMEDOUT)
		points_remedy(m->src, e);
	mount_path((uint64_t)*number, i, path);
	(void)file_remove_tree(s->dir, path, NULL);
	return r;
}

void points_take(const struct sandbox *s, struct strv *notes)
{
	int64_t number = 0;
	size_t taken = 0;

	/* it goes with the sandbox, before anybody could ask for it */
	if (s->rec.rm)
		return;

	points_sweep(s);
	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		struct err why = { 0 };
		int r = has_points(record_mount(&s->rec, i))
			? take_one(s, i, &number, &why)
			: 0;

		taken += r > 0;
		if (r)
			remember_why(s, i, r < 0 ? &why : NULL);
		if (r < 0 && r != -EOPNOTSUPP)
			(void)strv_addf(notes, "no restore point: %s%s%s", why.msg,
				*why.hint ? "; " : "", why.hint);
	}
	if (number > 0 && taken == 0)
		(void)points_drop(s, (uint64_t)number, NULL);
	if (taken)
		(void)points_trim(s, NULL);
}
