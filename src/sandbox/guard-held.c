/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guard-held.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "sandbox/guard-state.h"
#include "sandbox/place.h"

#include <dirent.h>

/* Somebody who makes more is filling the disk. */
#define HELD_MAX      10000
#define HELD_JSON_MAX 65536

struct meta {
	char *workspace, *path, *why; /* the first two encoded */
	int what;
	uint64_t mode;
};

static const char *const whats[] = { "file", "link", "config", "aside", NULL };
static const struct json_field meta_fields[] = {
	JSON_FIELD(struct meta, "workspace", JSON_STR, workspace, .flags = JSON_REQUIRED),
	JSON_FIELD(struct meta, "path", JSON_STR, path, .flags = JSON_REQUIRED),
	JSON_FIELD(struct meta, "why", JSON_STR, why, .flags = JSON_REQUIRED),
	JSON_FIELD(struct meta, "what", JSON_ENUM, what, .names = whats,
		.flags = JSON_REQUIRED),
	JSON_FIELD(struct meta, "mode", JSON_UINT, mode),
	{ 0 },
};
static const struct json_schema meta_schema = { "held", sizeof(struct meta),
	meta_fields };

static void meta_clear(struct meta *m)
{
	json_struct_clear(&meta_schema, m);
}

/* Create the file that claims the next free number. */
static int claim(int held, char **id, struct err *e)
{
	for (unsigned n = 1; n <= HELD_MAX; n++) {
		auto_free char *name = str_printf("%u", n);
		int fd = name ? openat(held, name,
					O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
			      : -1;

		if (fd >= 0) {
			*id = take_ptr(&name);
			return fd;
		}
		if (!name || errno != EEXIST)
			return err_sys(e, "create a held file");
	}
	return err_set(e, ENOSPC, "more than %d things are held back", HELD_MAX);
}

static int write_meta(
	int held, const char *id, const struct held_entry *entry, struct err *e)
{
	auto_free char *workspace = guard_encode(entry->workspace);
	auto_free char *path = guard_encode(entry->path);
	auto_free char *why = guard_encode(entry->why);
	auto_free char *name = str_printf("%s.json", id);
	struct meta m = { workspace, path, why, (int)entry->what, entry->mode };
	auto_buf struct buf text = { 0 };
	auto_json struct json *j = NULL;

	if (!workspace || !path || !why || !name)
		return err_set(e, ENOMEM, "hold back '%s': out of memory", entry->path);
	j = json_from_struct(&meta_schema, &m);
	if (!j || json_print(j, true, &text) < 0)
		return err_set(e, ENOMEM, "hold back '%s': out of memory", entry->path);
	return file_replace(held, name, text.data, text.len, 0600, 0, e);
}

int held_add(int held, const struct held_entry *entry, const void *data, size_t len,
	char **id, struct err *e)
{
	auto_free char *name = NULL;
	auto_fd int fd = claim(held, &name, e);
	int r;

	if (fd < 0)
		return fd;
	r = file_write_all(fd, data, len);
	if (r < 0)
		r = err_set(e, -r, "write held file '%s': %s", name, strerrordesc_np(-r));
	else
		r = write_meta(held, name, entry, e);
	if (r < 0)
		(void)unlinkat(held, name, 0);
	else
		*id = take_ptr(&name);
	return r;
}

char *held_aside(const char *path, const char *id)
{
	const char *name = path_base(path);

	return str_printf("%.*s.held-by-brig-%s", (int)(name - path), path, id);
}

static bool is_id(const char *id)
{
	return *id && strlen(id) < 10 && strspn(id, "0123456789") == strlen(id);
}

static int load_meta(int held, const char *id, struct meta *m, struct err *e)
{
	auto_free char *name = str_printf("%s.json", id);
	auto_json struct json *j = NULL;
	char **names[] = { &m->workspace, &m->path, &m->why };
	int r;

	if (!name || !is_id(id))
		return err_set(e, EINVAL, "'%s' names nothing that is held back", id);
	r = json_load(held, name, HELD_JSON_MAX, &j, e);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "nothing is held back as '%s'", id);
	if (r == 0)
		r = json_to_struct(j, &meta_schema, m, e);
	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(*names); i++) {
		char *plain = guard_decode(*names[i]);

		if (!plain)
			return err_set(e, EBADMSG, "'%s' is damaged", name);
		free(*names[i]);
		*names[i] = plain;
	}
	return r;
}

static int load_data(int held, const char *id, struct buf *out, struct err *e)
{
	int r = file_read(held, id, BUF_MAX_DEFAULT - 1, out, e);

	return r < 0 ? r : buf_reserve(out, 0);
}

static int compare(const void *a, const void *b)
{
	const struct guard_held *x = a, *y = b;
	size_t n = strlen(x->id), m = strlen(y->id);

	return n != m ? (n < m ? -1 : 1) : strcmp(x->id, y->id);
}

static int list_one(int held, const char *id, struct guard_held *h, struct err *e)
{
	AUTO(meta_clear) struct meta m = { 0 };
	auto_buf struct buf data = { 0 };
	int r = load_meta(held, id, &m, e);

	if (r == 0 && m.what == HELD_CONFIG)
		r = load_data(held, id, &data, e);
	if (r < 0)
		return r;
	if (m.what == HELD_ASIDE)
		h->aside = held_aside(m.path, id);
	*h = (struct guard_held){ .id = strdup(id),
		.aside = h->aside,
		.workspace = take_ptr(&m.workspace),
		.path = take_ptr(&m.path),
		.why = take_ptr(&m.why),
		.text = m.what == HELD_CONFIG ? buf_take(&data) : NULL };
	return h->id ? 0 : err_set(e, ENOMEM, "out of memory");
}

int guard_held_list(int held, struct guard_held **ret, size_t *ret_n, struct err *e)
{
	int fd = openat(held, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct guard_held *v = calloc(HELD_MAX, sizeof(*v));
	size_t n = 0;

	if (!dir || !v) {
		r = err_sys(e, "list what is held back");
		free(v);
		if (dir)
			(void)closedir(dir);
		else if (fd >= 0)
			(void)close(fd);
		return r;
	}
	for (struct dirent *d; n < HELD_MAX && (d = readdir(dir));) {
		char *dot = strchr(d->d_name, '.');
		struct err quiet;

		if (!dot || strcmp(dot, ".json") != 0)
			continue;
		*dot = '\0';
		if (list_one(held, d->d_name, &v[n], &quiet) == 0)
			n++;
		else
			guard_held_clear(&v[n]);
	}
	(void)closedir(dir);
	qsort(v, n, sizeof(*v), compare);
	*ret = v;
	*ret_n = n;
	return 0;
}

void guard_held_clear(struct guard_held *h)
{
	free(h->id);
	free(h->workspace);
	free(h->path);
	free(h->why);
	free(h->text);
	free(h->aside);
	*h = (struct guard_held){ 0 };
}

/* Later lines win in git, so what was cut takes effect again at the end of the file. */
static int release_config(int dir, const char *name, const struct buf *lines,
	const struct place *as, struct err *e)
{
	auto_fd int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct place same = *as;
	auto_buf struct buf text = { 0 };
	struct stat st;
	int r;

	if (fd >= 0) {
		if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			return err_set(e, EINVAL, "'%s' is no regular file", name);
		same.mode = st.st_mode & 0777;
		r = file_read_fd(fd, name, BUF_MAX_DEFAULT / 2, &text, e);
		if (r < 0)
			return r;
	} else if (errno != ENOENT) {
		return err_sys(e, "open '%s'", name);
	}
	if ((text.len && text.data[text.len - 1] != '\n' &&
		    buf_add_str(&text, "\n") < 0) ||
		buf_add(&text, lines->data, lines->len) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return place_bytes(dir, name, text.data, text.len, &same, e);
}

int guard_release(const struct guard_ws *ws, int held, const char *id, struct err *e)
{
	AUTO(meta_clear) struct meta m = { 0 };
	auto_buf struct buf data = { 0 };
	auto_free char *aside = NULL;
	auto_fd int dir = -1;
	struct place as = { .uid = ws->uid, .gid = ws->gid };
	const char *name;
	int r = load_meta(held, id, &m, e);

	if (r == 0 && !str_eq(m.workspace, ws->path))
		r = err_set(e, EINVAL, "held thing %s belongs to '%s'", id, m.workspace);
	if (r == 0)
		r = load_data(held, id, &data, e);
	if (r < 0)
		return r;
	as.mode = m.mode & 0777;
	dir = place_open_parent(ws->root, m.path, &name, e);
	if (dir < 0)
		return dir;
	switch ((enum held_what)m.what) {
	case HELD_FILE: r = place_bytes(dir, name, data.data, data.len, &as, e); break;
	case HELD_LINK: r = place_symlink(dir, name, data.data, &as, e); break;
	case HELD_CONFIG: r = release_config(dir, name, &data, &as, e); break;
	case HELD_ASIDE:
		aside = held_aside(name, id);
		if (!aside || renameat(dir, aside, dir, name) < 0)
			r = err_sys(e, "rename back '%s'", m.path);
		break;
	}
	return r < 0 ? r : guard_drop(held, id, e);
}

int guard_drop(int held, const char *id, struct err *e)
{
	auto_free char *name = str_printf("%s.json", id);

	if (!name || !is_id(id))
		return err_set(e, EINVAL, "'%s' names nothing that is held back", id);
	if ((unlinkat(held, name, 0) < 0 && errno != ENOENT) ||
		(unlinkat(held, id, 0) < 0 && errno != ENOENT))
		return err_sys(e, "remove held thing %s", id);
	return 0;
}
