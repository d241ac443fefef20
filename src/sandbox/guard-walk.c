/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a stack of directories still to be read, as paths; each is opened
 * from the workspace's root without following links, so that neither depth nor a rename
 * meanwhile leads the walk astray. A git directory is known by what it holds, not by its
 * name: git takes any directory with HEAD, objects and refs for a bare repository, and
 * one with HEAD and commondir for a worktree's. A directory called .git counts in any
 * state, since a later 'git init' completes it and keeps its configuration and hooks.
 */
#include "sandbox/guard-walk.h"

#include "base/err.h"
#include "base/path.h"
#include "sandbox/guard-names.h"
#include "sandbox/place.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum {
	IN_GIT = 1,      /* in a directory called .git: no start-up files */
	IN_HOOKS = 2,    /* every file is a hook */
	IN_PACKAGES = 4, /* in a tree of packages: no start-up files */
	IS_DOTGIT = 8,   /* is itself called .git */
	INHERITED = IN_GIT | IN_HOOKS | IN_PACKAGES,
};

struct dir {
	char *path;
	unsigned flags;
};

/* The directories to read, and the one that is being read. */
struct walker {
	struct guard_walk *w;
	struct dir *todo;
	size_t n, cap;
	uint64_t entries;
	int fd; /* the directory being read */
	const struct dir *at;
	unsigned char head, objects, refs, commondir, config, worktree_config, hooks;
	char *avoid; /* brig's private files, when the workspace holds them; relative */
	int folds;   /* are names in it case-insensitive? -1 while nobody asked */
};

static int push(struct walker *k, const char *path, unsigned flags)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 64;
		struct dir *grown = realloc(k->todo, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		k->todo = grown;
		k->cap = cap;
	}
	k->todo[k->n].path = strdup(path);
	k->todo[k->n].flags = flags;
	return k->todo[k->n].path ? (k->n++, 0) : -ENOMEM;
}

/* Does git find 'want' when the directory holds 'name'? */
static bool is_name(struct walker *k, const char *name, const char *want)
{
	long flags = 0;

	if (strcmp(name, want) == 0)
		return true;
	if (strcasecmp(name, want) != 0)
		return false;
	if (k->folds < 0)
		k->folds = ioctl(k->fd, FS_IOC_GETFLAGS, &flags) == 0 &&
			(flags & FS_CASEFOLD_FL);
	return k->folds;
}

/* Note the entries that make a git directory. True when the entry is dealt with. */
static bool note_git(struct walker *k, const char *name, unsigned char type)
{
	const struct {
		const char *name;
		unsigned char *seen;
	} parts[] = { { "HEAD", &k->head }, { "objects", &k->objects },
		{ "refs", &k->refs }, { "commondir", &k->commondir },
		{ "config", &k->config }, { "config.worktree", &k->worktree_config },
		{ "hooks", &k->hooks } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (is_name(k, name, parts[i].name)) {
			*parts[i].seen = type;
			return parts[i].seen == &k->hooks;
		}
	return false;
}

static int add(struct walker *k, const char *path, enum guard_kind kind)
{
	return guard_scan_add(k->w->scan, path, kind);
}

static bool is_private(const struct guard_walk *w, const char *name, int dir)
{
	auto_fd int fd = openat(dir, name, O_PATH | O_CLOEXEC);
	char link[64], real[PATH_MAX];
	ssize_t n;

	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, real, sizeof(real) - 1);
	if (n <= 0)
		return false;
	real[n] = '\0';
	return path_beneath(real, w->ws->avoid);
}

/* File capabilities: what set-user-ID is, in parts (capabilities(7)). */
static bool has_caps(int dir, const char *name)
{
	auto_fd int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return fd >= 0 && getxattr(link, "security.capability", NULL, 0) > 0;
}

/* Set-id bits, capabilities and escaping links: what only the inode tells. */
static int look_at(
	struct walker *k, const char *name, const char *path, unsigned char type)
{
	const struct guard_walk *w = k->w;
	struct stat st;
	uint64_t ctime;

	if ((type != DT_REG && (type != DT_LNK || !w->ws->avoid)) ||
		fstatat(k->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	ctime = (uint64_t)st.st_ctim.tv_sec * 1000000000U + (uint64_t)st.st_ctim.tv_nsec;
	if (ctime < w->since)
		return 0;
	if (S_ISLNK(st.st_mode) && is_private(w, name, k->fd))
		return add(k, path, GUARD_ESCAPE);
	/* set-group-ID without execution once meant locking, and gives nobody anything */
	if (S_ISREG(st.st_mode) &&
		((st.st_mode & S_ISUID) ||
			(st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) ||
			((st.st_mode & 0111) && has_caps(k->fd, name))))
		return add(k, path, GUARD_SETID);
	return 0;
}

static int see_file(
	struct walker *k, const char *name, const char *path, unsigned char type)
{
	unsigned flags = k->at->flags;
	size_t base;

	if (flags & IN_HOOKS)
		return str_ends(name, ".sample") ? 0 : add(k, path, GUARD_HOOK);
	if (is_name(k, name, ".git"))
		return add(k, path, GUARD_GITLINK);
	if ((flags & IN_GIT) && strcmp(name, "git-rebase-todo") == 0)
		return add(k, path, GUARD_TODO);
	if (flags & (IN_GIT | IN_PACKAGES))
		return 0;
	if (guard_name_match(path, &base) || (type == DT_LNK && guard_name_leads(path)))
		return add(k, path, GUARD_STARTUP);
	return 0;
}

static int see_entry(struct walker *k, const char *name, unsigned char type)
{
	auto_free char *path =
		*k->at->path ? str_printf("%s/%s", k->at->path, name) : strdup(name);
	unsigned flags = k->at->flags & INHERITED;
	int r;

	if (!path)
		return -ENOMEM;
	if (strlen(path) >= PATH_MAX) {
		k->w->scan->skipped++;
		return 0;
	}
	if (k->w->look) {
		r = look_at(k, name, path, type);
		if (r < 0)
			return r;
	}
	if (!(flags & IN_HOOKS) && note_git(k, name, type) && type == DT_DIR)
		return 0; /* pushed when it is clear what this directory is */
	if (type == DT_REG || type == DT_LNK)
		return see_file(k, name, path, type);
	/* brig's own files are no part of the workspace, though they lie in a home */
	if (type != DT_DIR || (k->avoid && strcmp(path, k->avoid) == 0))
		return 0;
	if (is_name(k, name, ".git"))
		flags = IN_GIT | IS_DOTGIT;
	else if (guard_name_is_packages(name))
		flags |= IN_PACKAGES;
	return push(k, path, flags);
}

static int add_part(
	struct walker *k, unsigned char type, const char *name, enum guard_kind kind)
{
	auto_free char *path =
		*k->at->path ? str_printf("%s/%s", k->at->path, name) : strdup(name);

	if (!path)
		return -ENOMEM;
	return type == DT_REG || type == DT_LNK ? add(k, path, kind) : 0;
}

/* All entries were seen: is it a git directory? */
static int see_whole(struct walker *k, const char *path, unsigned flags)
{
	bool git = (flags & IS_DOTGIT) ||
		(k->head && ((k->objects && k->refs) || k->commondir));
	auto_free char *hooks = *path ? str_printf("%s/hooks", path) : strdup("hooks");
	int r = 0;

	if (!hooks)
		return -ENOMEM;
	if (git) {
		r = add(k, path, GUARD_GITDIR);
		if (r == 0)
			r = add_part(k, k->config, "config", GUARD_CONFIG);
		if (r == 0)
			r = add_part(
				k, k->worktree_config, "config.worktree", GUARD_CONFIG);
		if (r == 0)
			r = add_part(k, k->commondir, "commondir", GUARD_COMMONDIR);
		if (r == 0 && k->hooks == DT_LNK)
			r = add(k, hooks, GUARD_HOOK);
	}
	if (r == 0 && k->hooks == DT_DIR)
		r = push(k, hooks, (flags & INHERITED) | (git ? IN_HOOKS : 0));
	return r;
}

/*
 * Open a directory to list it. One of ours that may be entered but not listed hides what
 * is in it from the walk, not from git: it is opened for the moment of opening.
 */
static int open_dir(const struct guard_ws *ws, const char *path)
{
	static const uint64_t flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
	const char *at = *path ? path : ".";
	struct err quiet;
	struct stat st;
	int fd = path_open_plain(ws->root, at, flags, 0, &quiet);
	auto_fd int hidden = -1;

	if (fd != -EACCES)
		return fd;
	hidden = path_open_plain(ws->root, at, O_PATH | O_DIRECTORY, 0, &quiet);
	if (hidden < 0 || fstat(hidden, &st) < 0 ||
		place_chmod(hidden, st.st_mode | 0700) < 0)
		return fd;
	fd = path_open_plain(hidden, ".", flags, 0, &quiet);
	(void)place_chmod(hidden, st.st_mode & 07777);
	return fd;
}

static unsigned char type_of(int fd, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type;
	return fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? DT_UNKNOWN
								    : IFTODT(st.st_mode);
}

static int read_dir(struct walker *k, const struct dir *d)
{
	int fd = open_dir(k->w->ws, d->path), r = 0;
	DIR *dir;

	if (fd < 0) {
		/* gone meanwhile is no loss */
		k->w->scan->skipped += fd != -ENOENT && fd != -ENOTDIR && fd != -ELOOP;
		return 0;
	}
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	k->fd = fd;
	k->at = d;
	k->folds = -1;
	k->head = k->objects = k->refs = k->commondir = 0;
	k->config = k->worktree_config = k->hooks = 0;
	for (struct dirent *ent; r == 0 && (ent = readdir(dir));) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		if (k->entries++ > GUARD_ENTRIES_MAX) {
			k->w->scan->partial = true;
			break;
		}
		r = see_entry(k, ent->d_name, type_of(fd, ent));
	}
	if (r == 0)
		r = see_whole(k, d->path, d->flags);
	(void)closedir(dir);
	return r;
}

static int walk(struct guard_walk *w, const char *from, unsigned flags, struct err *e)
{
	struct walker k = { .w = w };
	int r = push(&k, from, flags);

	if (w->ws->avoid)
		k.avoid = guard_resolve(w->ws, "", w->ws->avoid);
	while (r == 0 && k.n > 0) {
		struct dir d = k.todo[--k.n];

		if (w->scan->dirs++ >= GUARD_DIRS_MAX)
			w->scan->partial = true;
		if (!w->scan->partial)
			r = read_dir(&k, &d);
		free(d.path);
	}
	while (k.n > 0)
		free(k.todo[--k.n].path);
	free(k.todo);
	free(k.avoid);
	return r < 0 ? err_set(e, -r, "look through '%s': out of memory", w->ws->path)
		     : 0;
}

int guard_walk_all(struct guard_walk *w, struct err *e)
{
	return walk(w, "", 0, e);
}

int guard_walk_hooks(struct guard_walk *w, const char *dir, struct err *e)
{
	return walk(w, dir, IN_HOOKS, e);
}
