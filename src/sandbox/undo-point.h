/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo-point.h - what a restore point is on disk: the inside of undo.h.
 */
#ifndef BRIG_SANDBOX_UNDO_POINT_H
#define BRIG_SANDBOX_UNDO_POINT_H

#include "base/buf.h"
#include "base/str.h"
#include "sandbox/undo.h"

#include <sys/stat.h>

struct err;

#define UNDO_TREE   "tree"
#define UNDO_INODES "inodes"
#define UNDO_META   "undo.json"

/* One file or directory of the restore point; host byte order, it never leaves the
 * machine. */
struct undo_inode {
	uint64_t ino;   /* in the restore point */
	uint64_t was;   /* in the workspace */
	uint64_t ctime; /* there, ns */
	uint32_t mode;  /* there, with the type */
	uint32_t links; /* there */
};

struct undo_point {
	uint64_t taken; /* ns, CLOCK_REALTIME */
	uint64_t entries, bytes;
	struct strv skipped; /* relative paths, sorted once loaded */
	struct buf inodes;   /* struct undo_inode, sorted by 'ino' once loaded */
};

int undo_point_save(int dest, const struct undo_point *p, struct err *e);
int undo_point_load(int dest, struct undo_point *ret, struct err *e);
void undo_point_clear(struct undo_point *p);

/* NULL when the restore point doesn't know it. */
const struct undo_inode *undo_point_find(const struct undo_point *p, uint64_t ino);
bool undo_point_skipped(const struct undo_point *p, const char *path);

uint64_t undo_ctime(const struct stat *st);

/* The names in a directory, without "." and "..", sorted. 0 or -errno. */
int undo_list(int fd, struct strv *names);

/* "dir/name", or "name" at the root. */
char *undo_join(const char *dir, const char *name);

/* Open a directory beneath 'root' without following links, to list and to work in. */
int undo_open_dir(int root, const char *path);

/* Paths by inode, for files that have more than one name. */
struct undo_links {
	void *tree;
};

/* The path that 'ino' got first; 'path' itself, and NULL, when it had none. 0 or -ENOMEM.
 */
int undo_links_first(struct undo_links *l, uint64_t dev, uint64_t ino, const char *path,
	const char **first);
void undo_links_clear(struct undo_links *l);

#endif
