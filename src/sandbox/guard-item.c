/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guard-walk.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"

#include <limits.h>

static const char *const kinds[] = { "startup", "hook", "hooks-dir", "config", "gitlink",
	"commondir", "todo", "gitdir", "setid", "escape", NULL };
static const char *const types[] = { "file", "link", "dir", "gone", NULL };

static const struct json_field item_fields[] = {
	JSON_FIELD(struct guard_item, "path", JSON_STR, path, .flags = JSON_REQUIRED),
	JSON_FIELD(struct guard_item, "kind", JSON_ENUM, kind, .names = kinds),
	JSON_FIELD(struct guard_item, "type", JSON_ENUM, type, .names = types),
	JSON_FIELD(struct guard_item, "mode", JSON_UINT, mode),
	JSON_FIELD(struct guard_item, "size", JSON_UINT, size),
	JSON_FIELD(struct guard_item, "ino", JSON_UINT, ino),
	JSON_FIELD(struct guard_item, "ctime", JSON_UINT, ctime),
	JSON_FIELD(struct guard_item, "leads", JSON_BOOL, leads),
	JSON_FIELD(struct guard_item, "copied", JSON_BOOL, copied),
	JSON_FIELD(struct guard_item, "off", JSON_UINT, off),
	JSON_FIELD(struct guard_item, "len", JSON_UINT, len),
	{ 0 },
};
const struct json_schema guard_item_schema = { "guard item", sizeof(struct guard_item),
	item_fields };

int guard_scan_add(struct guard_scan *s, const char *path, enum guard_kind kind)
{
	struct guard_item *it;

	if (s->items.n >= GUARD_ITEMS_MAX) {
		s->partial = true;
		return 0;
	}
	it = json_list_add(&s->items, &guard_item_schema);
	if (!it)
		return -ENOMEM;
	it->kind = kind;
	return str_set(&it->path, path);
}

struct guard_item *guard_scan_at(const struct guard_scan *s, size_t i)
{
	return (struct guard_item *)s->items.items + i;
}

static int compare(const void *a, const void *b)
{
	const struct guard_item *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : x->kind - y->kind;
}

void guard_scan_sort(struct guard_scan *s)
{
	struct guard_item *v = s->items.items;
	size_t n = 0;

	if (s->items.n == 0)
		return;
	qsort(v, s->items.n, sizeof(*v), compare);
	for (size_t i = 0; i < s->items.n; i++)
		if (n > 0 && compare(&v[n - 1], &v[i]) == 0)
			free(v[i].path);
		else
			v[n++] = v[i];
	s->items.n = n;
}

struct guard_item *guard_scan_find(
	const struct guard_scan *s, const char *path, enum guard_kind kind)
{
	struct guard_item key = { .path = (char *)(uintptr_t)path, .kind = kind };

	if (s->items.n == 0)
		return NULL;
	return bsearch(&key, s->items.items, s->items.n, sizeof(key), compare);
}

void guard_scan_clear(struct guard_scan *s)
{
	for (size_t i = 0; i < s->items.n; i++)
		json_struct_clear(&guard_item_schema, guard_scan_at(s, i));
	free(s->items.items);
	*s = (struct guard_scan){ 0 };
}

static void note_stat(struct guard_item *it, const struct stat *st)
{
	it->type = S_ISREG(st->st_mode) ? GUARD_FILE
		: S_ISLNK(st->st_mode)  ? GUARD_LINK
		: S_ISDIR(st->st_mode)  ? GUARD_DIR
					: GUARD_GONE;
	it->mode = st->st_mode & 07777;
	it->size = (uint64_t)st->st_size;
	it->ino = st->st_ino;
	it->ctime = (uint64_t)st->st_ctim.tv_sec * 1000000000U +
		(uint64_t)st->st_ctim.tv_nsec;
}

static int read_link(int fd, const char *path, struct buf *out, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));

	if (n < 0)
		return err_sys(e, "read link '%s'", path);
	return buf_add(out, target, (size_t)n) < 0 ? err_set(e, ENOMEM, "out of memory")
						   : 0;
}

/* 'at' is the O_PATH descriptor of a regular file; read that very file, whatever its
 * mode. */
static int read_file(int at, struct guard_item *it, struct buf *out, struct err *e)
{
	char link[64];
	auto_fd int fd = -1;

	if (it->size > GUARD_COPY_MAX)
		return err_set(e, EFBIG, "'%s' is larger than %zu bytes", it->path,
			GUARD_COPY_MAX);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
	fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", it->path);
	return file_read_fd(fd, it->path, GUARD_COPY_MAX, out, e);
}

int guard_item_read(
	const struct guard_ws *ws, struct guard_item *it, struct buf *out, struct err *e)
{
	const char *path = *it->path ? it->path : ".";
	auto_fd int fd = path_open_plain(ws->root, path, O_PATH, 0, e);
	struct stat st;

	it->type = GUARD_GONE;
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", it->path);
	note_stat(it, &st);
	if (out && it->type == GUARD_LINK)
		return read_link(fd, it->path, out, e);
	if (out && it->type == GUARD_FILE)
		return read_file(fd, it, out, e);
	return 0;
}

char *guard_resolve(const struct guard_ws *ws, const char *from, const char *to)
{
	auto_free char *dir = path_join(ws->path, *from ? from : ".");
	auto_free char *full = dir ? path_join(dir, to) : NULL;
	size_t n = strlen(ws->path);

	if (!full || !path_beneath(full, ws->path))
		return NULL;
	if (strcmp(ws->path, "/") == 0)
		return strdup(full + 1);
	return strdup(full[n] ? full + n + 1 : "");
}
