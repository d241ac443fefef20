/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the guard's rules, for a tree that does not exist: the lower
 * directory with the changes over it. A git directory may come about from parts of both,
 * and from parts applied one after the other, so what makes one is looked for in either.
 */
#include "sandbox/overlay-filter.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "sandbox/gitconfig.h"
#include "sandbox/guard-extra.h"
#include "sandbox/guard-names.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <strings.h>

#define POINTER_MAX 65536

int overlay_filter_init(
	struct overlay_filter *f, const struct overlay_ws *ws, struct err *e)
{
	struct guard_walk w = { .ws = &f->host, .scan = &f->scan };
	int r;

	*f = (struct overlay_filter){ .ws = ws,
		.host = { ws->lower, ws->path, NULL, ws->uid, ws->gid } };
	r = guard_walk_all(&w, e);
	if (r == 0)
		r = guard_extra_find(&w, e);
	guard_scan_sort(&f->scan);
	for (size_t i = 0; r == 0 && i < f->scan.items.n; i++) {
		const struct guard_item *it = guard_scan_at(&f->scan, i);

		if (it->kind == GUARD_HOOKS_DIR && *it->path &&
			strv_add(&f->hooks, it->path) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	return r;
}

void overlay_filter_clear(struct overlay_filter *f)
{
	guard_scan_clear(&f->scan);
	strv_clear(&f->hooks);
}

/* Is there something of this name in the lower directory, or (when 'both') in either? */
static bool is_there(
	const struct overlay_filter *f, const char *dir, const char *name, bool both)
{
	auto_free char *path = *dir ? str_printf("%s/%s", dir, name) : strdup(name);
	struct err quiet;
	auto_fd int low =
		path ? path_open_plain(f->ws->lower, path, O_PATH, 0, &quiet) : -1;
	auto_fd int up = -1;

	if (low >= 0 || !both || !path)
		return low >= 0;
	up = path_open_plain(f->ws->upper, path, O_PATH, 0, &quiet);
	return up >= 0;
}

static bool is_gitdir(const struct overlay_filter *f, const char *dir, bool both)
{
	if (strcasecmp(path_base(dir), ".git") == 0)
		return true;
	return is_there(f, dir, "HEAD", both) &&
		((is_there(f, dir, "objects", both) && is_there(f, dir, "refs", both)) ||
			is_there(f, dir, "commondir", both));
}

/* Is every step of 'path', where it exists, a directory and no link, on both sides? */
static bool is_plain_dir(const struct overlay_filter *f, const char *path)
{
	struct err quiet;
	const char *at = *path ? path : ".";
	auto_fd int up =
		path_open_plain(f->ws->upper, at, O_PATH | O_DIRECTORY, 0, &quiet);
	auto_fd int low =
		path_open_plain(f->ws->lower, at, O_PATH | O_DIRECTORY, 0, &quiet);

	return up >= 0 ? low >= 0 || low == -ENOENT : up == -ENOENT && low >= 0;
}

/* The contents of a small file of the upper directory; "" when it can't be had. */
static int read_small(const struct overlay_filter *f, const char *path, struct buf *out)
{
	struct err quiet;
	auto_fd int fd =
		path_open_plain(f->ws->upper, path, O_RDONLY | O_NONBLOCK, 0, &quiet);

	if (fd >= 0)
		(void)file_read_fd(fd, path, POINTER_MAX, out, &quiet);
	return buf_reserve(out, 0);
}

/* A .git file that leads to a git directory of the workspace. */
static bool gitlink_leads(const struct overlay_filter *f, const char *path)
{
	auto_buf struct buf text = { 0 };
	auto_free char *dir = guard_dirname(path);
	auto_free char *to = NULL;

	if (!dir || read_small(f, path, &text) < 0 || strlen(text.data) != text.len ||
		!str_starts(text.data, "gitdir: "))
		return false;
	while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	to = guard_resolve(&f->host, dir, text.data + strlen("gitdir: "));
	return to && is_plain_dir(f, to) && is_gitdir(f, to, true);
}

static bool commondir_is_own(const struct overlay_filter *f, const char *path)
{
	auto_buf struct buf text = { 0 };
	auto_free char *dir = guard_dirname(path);
	auto_free char *up = dir ? guard_dirname(dir) : NULL;
	auto_free char *top = up ? guard_dirname(up) : NULL;

	return top && strcmp(path_base(up), "worktrees") == 0 &&
		is_gitdir(f, top, true) && read_small(f, path, &text) == 0 &&
		(strcmp(text.data, "../..\n") == 0 || strcmp(text.data, "../..") == 0);
}

/* Does the lower directory's 'dir'/hooks hold anything that git would run? */
static bool has_hooks(const struct overlay_filter *f, const char *dir)
{
	auto_free char *path = *dir ? str_printf("%s/hooks", dir) : strdup("hooks");
	struct err quiet;
	int fd = path
		? path_open_plain(f->ws->lower, path, O_RDONLY | O_DIRECTORY, 0, &quiet)
		: -1;
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	bool found = fd < 0 && fd != -ENOENT;

	if (!list)
		return found;
	for (struct dirent *ent; !found && (ent = readdir(list));)
		found = strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0 &&
			!str_ends(ent->d_name, ".sample");
	(void)closedir(list);
	return found;
}

static bool has_commands(const struct overlay_filter *f, const char *dir)
{
	struct guard_item it = { .path = *dir ? str_printf("%s/config", dir)
					      : strdup("config") };
	auto_free char *path = it.path;
	auto_gitconfig struct gitconfig c = { 0 };
	auto_buf struct buf text = { 0 };
	struct err quiet;

	if (!path || guard_item_read(&f->host, &it, &text, &quiet) < 0)
		return true;
	if (it.type == GUARD_GONE || it.type == GUARD_DIR)
		return false;
	if (it.type == GUARD_LINK || gitconfig_parse(text.data, text.len, &c, &quiet) < 0)
		return true;
	for (size_t i = 0; i < c.n; i++)
		if (gitconfig_danger(&c.v[i]))
			return true;
	return false;
}

/*
 * Would this part make a git directory of one whose hooks or configuration are there
 * already? Those came when it was none, and nobody looked at them.
 */
static bool completes_gitdir(const struct overlay_filter *f, const char *dir)
{
	return is_gitdir(f, dir, true) && !is_gitdir(f, dir, false) &&
		(has_hooks(f, dir) || has_commands(f, dir));
}

/* In a directory of hooks of a git directory, or in its place? */
static bool is_hook(const struct overlay_filter *f, const char *path, mode_t mode)
{
	for (const char *p = path; p; p = strchr(p, '/'), p += p != NULL) {
		size_t n = strcspn(p, "/");
		auto_free char *dir =
			p > path ? strndup(path, (size_t)(p - path - 1)) : strdup("");

		if (n != 5 || strncasecmp(p, "hooks", n) != 0 || !dir ||
			!is_gitdir(f, dir, true))
			continue;
		return p[n] ? !S_ISDIR(mode) && !str_ends(path, ".sample")
			    : !S_ISDIR(mode);
	}
	return false;
}

static const char *git_why(
	const struct overlay_filter *f, const char *path, mode_t mode, bool *config)
{
	const char *name = path_base(path);
	auto_free char *dir = guard_dirname(path);

	if (!dir)
		return "out of memory";
	if (strcasecmp(name, ".git") == 0 && !S_ISDIR(mode))
		return S_ISREG(mode) && gitlink_leads(f, path)
			? NULL
			: "leads git to a repository that nobody checked";
	if (is_hook(f, path, mode))
		return "hook that git runs";
	if (S_ISDIR(mode) && strcmp(name, "objects") != 0 && strcmp(name, "refs") != 0)
		return NULL;
	if (strcasecmp(name, "config") == 0 || strcasecmp(name, "config.worktree") == 0) {
		*config = is_gitdir(f, dir, true);
		return *config && !S_ISREG(mode) ? "git's configuration is a link" : NULL;
	}
	if (strcasecmp(name, "commondir") == 0 && is_gitdir(f, dir, true) &&
		!commondir_is_own(f, path))
		return "leads git to other hooks";
	if (strcmp(name, "git-rebase-todo") == 0)
		return "list of 'git rebase --continue', which may hold commands";
	if ((strcmp(name, "HEAD") == 0 || strcmp(name, "objects") == 0 ||
		    strcmp(name, "refs") == 0 || strcmp(name, "commondir") == 0) &&
		completes_gitdir(f, dir))
		return "makes a repository of hooks and configuration that were there";
	return NULL;
}

/* Does a link at 'path' stand in for something that git reads now? */
static bool stands_in(const struct overlay_filter *f, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < f->scan.items.n; i++) {
		const struct guard_item *it = guard_scan_at(&f->scan, i);

		if (!str_starts(it->path, path))
			continue;
		if (it->path[n] == '/')
			return true;
		if (!it->path[n] &&
			(it->kind == GUARD_HOOKS_DIR || it->kind == GUARD_GITDIR))
			return true;
	}
	return false;
}

/* What the host's own configurations name, and links in the place of what is guarded. */
static const char *named_why(
	const struct overlay_filter *f, const char *path, mode_t mode, bool *config)
{
	for (size_t i = 0; !S_ISDIR(mode) && i < f->hooks.n; i++)
		if (path_beneath(path, f->hooks.v[i]))
			return "hook that git runs";
	if (S_ISLNK(mode) && stands_in(f, path))
		return "takes the place of what git reads";
	if (guard_scan_find(&f->scan, path, GUARD_CONFIG))
		*config = true;
	return *config && !S_ISREG(mode) ? "git's configuration is a link" : NULL;
}

static bool in_packages(const char *path)
{
	auto_strv struct strv parts = { 0 };

	if (strv_split(&parts, path, "/") < 0)
		return false;
	for (size_t i = 0; i + 1 < parts.n; i++)
		if (guard_name_is_packages(parts.v[i]) ||
			strcasecmp(parts.v[i], ".git") == 0)
			return true;
	return false;
}

static bool leads_to_private(const struct overlay_filter *f, const char *path)
{
	struct err quiet;
	auto_fd int fd = path_open_plain(f->ws->upper, path, O_PATH, 0, &quiet);
	auto_free char *dir = guard_dirname(path);
	auto_free char *base = dir ? path_join(f->ws->path, *dir ? dir : ".") : NULL;
	auto_free char *full = NULL;
	char target[PATH_MAX];
	ssize_t n = fd < 0 || !f->ws->avoid
		? -1
		: readlinkat(fd, "", target, sizeof(target) - 1);

	if (n <= 0 || !base)
		return false;
	target[n] = '\0';
	full = path_join(base, target);
	/* by letters: a way through /proc changes with who walks it, and is refused with
	 * it */
	return !full || path_beneath(full, f->ws->avoid) || path_beneath(full, "/proc");
}

const char *overlay_filter_why(
	const struct overlay_filter *f, const char *path, mode_t mode, bool *config)
{
	const struct guard_name *row = NULL;
	const char *why;
	size_t base;

	*config = false;
	why = git_why(f, path, mode, config);
	if (!why)
		why = named_why(f, path, mode, config);
	if (why)
		return why;
	if (!S_ISDIR(mode) && !in_packages(path)) {
		row = guard_name_match(path, &base);
		if (!row && S_ISLNK(mode))
			row = guard_name_leads(path);
	}
	if (row)
		return row->why;
	if (S_ISLNK(mode) && leads_to_private(f, path))
		return "leads into the private files of a sandbox";
	return NULL;
}
