/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guard-extra.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/path.h"
#include "sandbox/gitconfig.h"
#include "sandbox/guard-state.h"

#include <fcntl.h>

/* Includes of includes; git stops at 10 (config.c, MAX_INCLUDE_DEPTH). */
#define INCLUDE_DEPTH_MAX 10

/* More than this in one configuration, includes counted in, is made to keep brig busy. */
#define NAMED_MAX 128

char *guard_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, (size_t)(slash - path)) : strdup("");
}

/* The shortest beginning of 'path' that is a symbolic link, or NULL. */
static char *first_link(const struct guard_ws *ws, const char *path)
{
	for (size_t n = strcspn(path, "/");; n += 1 + strcspn(path + n + 1, "/")) {
		struct guard_item it = { .path = strndup(path, n) };
		struct err quiet;

		if (it.path && guard_item_read(ws, &it, NULL, &quiet) == 0 &&
			it.type == GUARD_LINK)
			return it.path;
		free(it.path);
		if (!path[n])
			return NULL;
	}
}

/* A directory whose files git will run as hooks; or the link in its place. */
static int add_hooks(struct guard_walk *w, const char *dir, struct err *e)
{
	auto_free char *link = first_link(w->ws, dir);

	if (guard_scan_add(w->scan, dir, GUARD_HOOKS_DIR) < 0 ||
		(link && guard_scan_add(w->scan, link, GUARD_HOOK) < 0))
		return err_set(e, ENOMEM, "out of memory");
	return link ? 0 : guard_walk_hooks(w, dir, e);
}

static int read_config(const struct guard_ws *ws, const char *path, struct gitconfig *ret)
{
	struct guard_item it = { .path = (char *)(uintptr_t)path };
	auto_buf struct buf text = { 0 };
	struct err quiet;
	int r = guard_item_read(ws, &it, &text, &quiet);

	if (r < 0 || it.type != GUARD_FILE || !text.data)
		return -ENOENT;
	return gitconfig_parse(text.data, text.len, ret, &quiet);
}

struct search {
	struct guard_walk *w;
	const char *hooks; /* the directory that a relative core.hooksPath starts from */
	int depth, named;
};

static int find_in(struct search *s, const char *config, struct err *e)
{
	struct guard_walk *w = s->w;
	auto_gitconfig struct gitconfig c = { 0 };
	auto_free char *dir = guard_dirname(config);
	int r = 0;

	if (!dir || s->depth > INCLUDE_DEPTH_MAX || read_config(w->ws, config, &c) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < c.n; i++) {
		const char *key = c.v[i].key, *value = c.v[i].value;
		bool include = str_eq(key, "include.path") ||
			(str_starts(key, "includeif.") && str_ends(key, ".path"));
		auto_free char *path = NULL;

		/* "~" is outside of the workspace, or its start-up files are in the table
		 */
		if (!value || *value == '~' ||
			(!include && !str_eq(key, "core.hookspath")))
			continue;
		path = guard_resolve(w->ws, include ? dir : s->hooks, value);
		if (!path || !*path || s->named++ >= NAMED_MAX)
			continue;
		if (!include) {
			r = add_hooks(w, path, e);
			continue;
		}
		if (guard_scan_add(w->scan, path, GUARD_CONFIG) < 0)
			return err_set(e, ENOMEM, "out of memory");
		s->depth++;
		r = find_in(s, path, e);
		s->depth--;
	}
	return r;
}

/* Where the commands of a repository run: above .git, or where core.worktree says. */
static char *worktree_of(
	const struct guard_ws *ws, const char *gitdir, const char *config)
{
	auto_gitconfig struct gitconfig c = { 0 };
	const char *to = NULL;

	if (str_eq(path_base(gitdir), ".git"))
		return guard_dirname(gitdir);
	if (read_config(ws, config, &c) == 0)
		to = gitconfig_get(&c, "core.worktree");
	return to ? guard_resolve(ws, gitdir, to) : strdup(gitdir);
}

int guard_extra_find(struct guard_walk *w, struct err *e)
{
	size_t n = w->scan->items.n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		/* by value, and by a copy of the path: the list grows meanwhile */
		struct guard_item it = *guard_scan_at(w->scan, i);
		auto_free char *path = strdup(it.path);
		auto_free char *dir = guard_dirname(it.path);
		auto_free char *base = NULL;
		auto_buf struct buf target = { 0 };
		struct err quiet;

		if (!path || !dir)
			return err_set(e, ENOMEM, "out of memory");
		if (it.kind == GUARD_CONFIG) {
			base = worktree_of(w->ws, dir, path);
			r = base ? find_in(&(struct search){ w, base, 0, 0 }, path, e)
				 : 0;
			continue;
		}
		if (it.kind != GUARD_HOOK || !str_eq(path_base(path), "hooks"))
			continue;
		it.path = path;
		if (guard_item_read(w->ws, &it, &target, &quiet) < 0 ||
			it.type != GUARD_LINK)
			continue;
		base = guard_resolve(w->ws, dir, target.data);
		r = base && *base ? add_hooks(w, base, e) : 0;
	}
	return r;
}

int guard_extra_again(struct guard_walk *w, const struct guard_state *then, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < then->scan.items.n; i++) {
		const struct guard_item *it = guard_scan_at(&then->scan, i);
		auto_free char *link = NULL;

		if (it->kind == GUARD_HOOKS_DIR) {
			r = add_hooks(w, it->path, e);
			continue;
		}
		if (it->kind != GUARD_CONFIG)
			continue;
		link = first_link(w->ws, it->path);
		if (guard_scan_add(w->scan, link ? link : it->path,
			    link && !str_eq(link, it->path) ? GUARD_HOOK : GUARD_CONFIG) <
			0)
			return err_set(e, ENOMEM, "out of memory");
	}
	guard_scan_sort(w->scan);
	return r;
}

bool guard_link_leads(const struct guard_ws *ws, const struct guard_scan *scan,
	const struct guard_item *it, const char *data, size_t len)
{
	auto_free char *text = strndup(data ? data : "", len);
	auto_free char *dir = guard_dirname(it->path);
	auto_free char *to = NULL;
	struct err quiet;
	auto_fd int fd = -1;

	/* a link is never needed: git itself writes files */
	if (!text || !dir || it->type != GUARD_FILE || strlen(text) != len ||
		!str_starts(text, "gitdir: "))
		return false;
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	to = guard_resolve(ws, dir, text + strlen("gitdir: "));
	if (!to || !guard_scan_find(scan, to, GUARD_GITDIR))
		return false;
	fd = path_open_plain(ws->root, *to ? to : ".", O_PATH | O_DIRECTORY, 0, &quiet);
	return fd >= 0;
}
