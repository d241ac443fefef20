/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard-walk.h - finds what the guard looks at in a workspace: the inside of guard.h.
 *
 * A scan is a list of items sorted by path. The walk itself uses only names and types
 * from getdents(2), unless it is asked for set-id files and escaping links; what an item
 * holds is read afterwards, by guard_item_read().
 */
#ifndef BRIG_SANDBOX_GUARD_WALK_H
#define BRIG_SANDBOX_GUARD_WALK_H

#include "base/json.h"
#include "sandbox/guard.h"

struct buf;

enum guard_kind {
	GUARD_STARTUP, /* a file of guard-names.h, or a link that leads to one */
	GUARD_HOOK,    /* in a directory of hooks, or a link in place of the directory */
	GUARD_HOOKS_DIR, /* a directory of hooks that a configuration names */
	GUARD_CONFIG,    /* git's configuration */
	GUARD_GITLINK,   /* a .git that is a file or a link */
	GUARD_COMMONDIR, /* a git directory's pointer to where its configuration is */
	GUARD_TODO,      /* a rebase under way: its list may hold commands */
	GUARD_GITDIR,    /* a git directory */
	GUARD_SETID,     /* set-user-ID or set-group-ID, changed since the start */
	GUARD_ESCAPE,    /* a link into brig's private files, made since the start */
};

enum guard_type { GUARD_FILE, GUARD_LINK, GUARD_DIR, GUARD_GONE };

struct guard_item {
	char *path;
	int kind;
	int type;
	uint64_t mode, size, ino, ctime;
	bool leads;  /* GUARD_GITLINK: to a git directory of this workspace */
	bool copied; /* the saved contents (a link's target) are at 'off' */
	uint64_t off, len;
};

extern const struct json_schema guard_item_schema;

struct guard_scan {
	struct json_list items; /* struct guard_item */
	uint64_t dirs, skipped;
	bool partial;
};

struct guard_walk {
	const struct guard_ws *ws;
	bool look;      /* also find GUARD_SETID and GUARD_ESCAPE ... */
	uint64_t since; /* ... whose change is not older than this (ctime, ns) */
	struct guard_scan *scan;
};

#define GUARD_DIRS_MAX    200000
#define GUARD_ENTRIES_MAX 8000000
#define GUARD_ITEMS_MAX   65536
#define GUARD_COPY_MAX    ((size_t)4 << 20)

/* Walk all of the workspace; or one directory, all of whose files are hooks. */
int guard_walk_all(struct guard_walk *w, struct err *e);
int guard_walk_hooks(struct guard_walk *w, const char *dir, struct err *e);

int guard_scan_add(struct guard_scan *s, const char *path, enum guard_kind kind);
struct guard_item *guard_scan_at(const struct guard_scan *s, size_t i);

/* Sort by path and kind, and drop doubles; what guard_scan_find() needs. */
void guard_scan_sort(struct guard_scan *s);
struct guard_item *guard_scan_find(
	const struct guard_scan *s, const char *path, enum guard_kind kind);
void guard_scan_clear(struct guard_scan *s);

/*
 * Fill in the item's type, mode, size, inode and ctime, and append its contents (a link's
 * target) to 'out' (unless NULL). Gone, or a thing without contents: type GUARD_GONE,
 * 0. -EFBIG over GUARD_COPY_MAX, with all but the contents filled in.
 */
int guard_item_read(
	const struct guard_ws *ws, struct guard_item *it, struct buf *out, struct err *e);

/*
 * The path beneath the workspace, tidied, of 'to' as seen from the directory 'from'
 * (relative to the workspace); NULL when it leads out of it, by its letters.
 */
char *guard_resolve(const struct guard_ws *ws, const char *from, const char *to);

#endif
