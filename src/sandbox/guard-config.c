/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guard-config.h"

#include "base/err.h"
#include "base/path.h"
#include "sandbox/gitconfig.h"
#include "sandbox/guard-extra.h"

#include <fcntl.h>

static bool had(const struct gitconfig *then, const struct gitconfig_entry *entry)
{
	for (size_t i = 0; i < then->n; i++)
		if (str_eq(then->v[i].key, entry->key) &&
			str_eq(then->v[i].value, entry->value))
			return true;
	return false;
}

/* A directory of the workspace, reached without a link: as a submodule's configuration
 * has it. */
static bool is_inside(const struct guard_ws *ws, const char *config, const char *to)
{
	auto_free char *dir = guard_dirname(config);
	auto_free char *path = dir ? guard_resolve(ws, dir, to) : NULL;
	struct err quiet;
	auto_fd int fd = -1;

	if (!path)
		return false;
	fd = path_open_plain(
		ws->root, *path ? path : ".", O_PATH | O_DIRECTORY, 0, &quiet);
	return fd >= 0;
}

static const char *judge(const struct guard_ws *ws, const char *path,
	const struct gitconfig *then, const struct gitconfig_entry *entry)
{
	const char *why = gitconfig_danger(entry);

	if (!why || had(then, entry))
		return NULL;
	if (entry->value && str_eq(entry->key, "core.worktree") &&
		is_inside(ws, path, entry->value))
		return NULL;
	if (str_eq(entry->key, "core.hookspath") && str_eq(entry->value, "/dev/null"))
		return NULL;
	return why;
}

/* What one key said before, again, unless it still says so. */
static int put_back(const struct gitconfig *then, const struct gitconfig *now,
	const bool *cut, const char *key, struct buf *text)
{
	int r = 0;

	for (size_t i = 0; i < now->n; i++)
		if (!cut[i] && str_eq(now->v[i].key, key))
			return 0;
	for (size_t i = 0; r == 0 && i < then->n; i++)
		if (str_eq(then->v[i].key, key)) {
			if (text->len && text->data[text->len - 1] != '\n')
				r = buf_add_str(text, "\n");
			if (r == 0)
				r = gitconfig_write(&then->v[i], text);
		}
	return r;
}

static bool cut_before(const struct gitconfig *now, const bool *cut, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (cut[j] && str_eq(now->v[j].key, now->v[i].key))
			return true;
	return false;
}

/* In a report, a few keys are enough; the held text has them all. */
#define WHY_KEYS_MAX 8

static int write_cut(const struct gitconfig *now, const bool *cut, struct guard_trim *t)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < now->n; i++) {
		if (!cut[i])
			continue;
		if (t->n++ < WHY_KEYS_MAX)
			r = buf_addf(&t->why, "%s%s: %s", t->n > 1 ? ", " : "",
				now->v[i].key, gitconfig_danger(&now->v[i]));
		if (r == 0)
			r = gitconfig_write(&now->v[i], &t->cut);
	}
	return r;
}

static int trim(const struct gitconfig *then, const struct gitconfig *now,
	const bool *cut, const struct buf *text, struct guard_trim *t)
{
	size_t put = 0;
	int r = gitconfig_cut(text->data, text->len, now, cut, &t->text);

	for (size_t i = 0; r == 0 && then->n && i < now->n; i++)
		/* each comparison walks the list: bounded, as a person has few such keys
		 */
		if (cut[i] && put++ < 64 && !cut_before(now, cut, i))
			r = put_back(then, now, cut, now->v[i].key, &t->text);
	return r < 0 ? r : write_cut(now, cut, t);
}

int guard_trim(const struct guard_ws *ws, const char *path, const struct buf *then,
	const struct buf *now, struct guard_trim *ret)
{
	auto_gitconfig struct gitconfig before = { 0 }, c = { 0 };
	AUTO(guard_trim_clear) struct guard_trim t = { 0 };
	auto_free bool *cut = NULL;
	struct err quiet;
	bool any = false;
	int r;

	if (then->len)
		(void)gitconfig_parse(then->data, then->len, &before, &quiet);
	r = gitconfig_parse(now->len ? now->data : "", now->len, &c, &quiet);
	if (r < 0)
		return r;
	cut = calloc(c.n + 1, sizeof(*cut));
	if (!cut)
		return -ENOMEM;
	for (size_t i = 0; i < c.n; i++) {
		cut[i] = judge(ws, path, &before, &c.v[i]) != NULL;
		any = any || cut[i];
	}
	r = any ? trim(&before, &c, cut, now, &t) : 0;
	if (r < 0)
		return r;
	*ret = t;
	t = (struct guard_trim){ 0 };
	return 0;
}

void guard_trim_clear(struct guard_trim *t)
{
	buf_clear(&t->text);
	buf_clear(&t->cut);
	buf_clear(&t->why);
}
