/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/undo-point.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "sandbox/guard-state.h"

#include <dirent.h>
#include <search.h>

#define META_MAX   ((size_t)64 << 20)
#define INODES_MAX ((size_t)256 << 20)

static const struct json_field point_fields[] = {
	JSON_FIELD(struct undo_point, "taken", JSON_UINT, taken, .flags = JSON_REQUIRED),
	JSON_FIELD(struct undo_point, "entries", JSON_UINT, entries),
	JSON_FIELD(struct undo_point, "bytes", JSON_UINT, bytes),
	JSON_FIELD(struct undo_point, "record", JSON_UINT, record),
	JSON_FIELD(struct undo_point, "clones", JSON_BOOL, clones),
	JSON_FIELD(struct undo_point, "skipped", JSON_STRV, skipped),
	{ 0 },
};
static const struct json_schema point_schema = { "restore point",
	sizeof(struct undo_point), point_fields };

/* Replace each string by what 'turn' makes of it. */
static int turn_all(struct strv *s, char *(*turn)(const char *))
{
	for (size_t i = 0; i < s->n; i++) {
		char *turned = turn(s->v[i]);

		if (!turned)
			return -ENOMEM;
		free(s->v[i]);
		s->v[i] = turned;
	}
	return 0;
}

int undo_point_save(int dest, const struct undo_point *p, struct err *e)
{
	struct undo_point meta = *p;
	auto_strv struct strv names = { 0 };
	auto_json struct json *j = NULL;
	auto_buf struct buf text = { .max = META_MAX };
	int r = strv_add_all(&names, p->skipped.v);

	if (r == 0)
		r = turn_all(&names, guard_encode);
	meta.skipped = names;
	meta.record = sizeof(struct undo_inode);
	j = r < 0 ? NULL : json_from_struct(&point_schema, &meta);
	if (!j || json_print(j, false, &text) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = file_replace(dest, UNDO_INODES, p->inodes.data, p->inodes.len, 0600, 0, e);
	return r < 0 ? r : file_replace(dest, UNDO_META, text.data, text.len, 0600, 0, e);
}

static int compare_inodes(const void *a, const void *b)
{
	const struct undo_inode *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

int undo_point_load(int dest, struct undo_point *ret, struct err *e)
{
	AUTO(undo_point_clear) struct undo_point p = { .inodes.max = INODES_MAX };
	auto_json struct json *j = NULL;
	int r = json_load(dest, UNDO_META, META_MAX, &j, e);

	if (r == -ENOENT)
		return err_set(e, ENOENT, "there is no restore point");
	if (r == 0)
		r = json_to_struct(j, &point_schema, &p, e);
	p.inodes.max = INODES_MAX;
	if (r == 0)
		r = file_read(dest, UNDO_INODES, INODES_MAX, &p.inodes, e);
	if (r < 0)
		return err_wrap(e, "restore point");
	if (p.record != sizeof(struct undo_inode))
		return err_set(
			e, EBADMSG, "restore point: made by another version of brig");
	if (p.inodes.len % sizeof(struct undo_inode) ||
		turn_all(&p.skipped, guard_decode) < 0)
		return err_set(e, EBADMSG, "restore point: '" UNDO_INODES "' is damaged");
	strv_sort(&p.skipped);
	if (p.inodes.len)
		qsort(p.inodes.data, p.inodes.len / sizeof(struct undo_inode),
			sizeof(struct undo_inode), compare_inodes);
	*ret = p;
	p = (struct undo_point){ 0 };
	return 0;
}

void undo_point_clear(struct undo_point *p)
{
	strv_clear(&p->skipped);
	buf_clear(&p->inodes);
}

const struct undo_inode *undo_point_find(const struct undo_point *p, uint64_t ino)
{
	struct undo_inode key = { .ino = ino };

	if (!p->inodes.len)
		return NULL;
	return bsearch(&key, p->inodes.data, p->inodes.len / sizeof(key), sizeof(key),
		compare_inodes);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool undo_point_skipped(const struct undo_point *p, const char *path)
{
	return p->skipped.n &&
		bsearch(&path, p->skipped.v, p->skipped.n, sizeof(path), compare_names);
}

uint64_t undo_ctime(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec;
}

bool undo_is_same(const struct undo_inode *ino, const struct stat *now)
{
	return ino && ino->ctime && S_ISREG(ino->mode) && S_ISREG(now->st_mode) &&
		now->st_ino == ino->was && undo_ctime(now) == ino->ctime;
}

int undo_list(int fd, struct strv *names)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir) {
		r = -errno;
		if (copy >= 0)
			(void)close(copy);
		return r;
	}
	for (struct dirent *d; r == 0 && (d = readdir(dir));)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = strv_add(names, d->d_name);
	(void)closedir(dir);
	strv_sort(names);
	return r;
}

char *undo_join(const char *dir, const char *name)
{
	return *dir ? str_printf("%s/%s", dir, name) : strdup(name);
}

int undo_open_dir(int root, const char *path)
{
	struct err quiet;

	return path_open_plain(
		root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0, &quiet);
}

struct link {
	uint64_t dev, ino;
	char path[];
};

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

int undo_links_first(struct undo_links *l, uint64_t dev, uint64_t ino, const char *path,
	const char **first)
{
	size_t len = strlen(path) + 1;
	struct link *mine = malloc(sizeof(*mine) + len);
	struct link **at;

	if (!mine)
		return -ENOMEM;
	mine->dev = dev;
	mine->ino = ino;
	memcpy(mine->path, path, len);
	at = tsearch(mine, &l->tree, compare_links);
	*first = at && *at != mine ? (*at)->path : NULL;
	if (!at || *at != mine)
		free(mine);
	return at ? 0 : -ENOMEM;
}

void undo_links_clear(struct undo_links *l)
{
	tdestroy(l->tree, free);
	l->tree = NULL;
}
