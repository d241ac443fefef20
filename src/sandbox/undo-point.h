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
	uint64_t ctime; /* there, ns; 0 for one that proves nothing */
	uint64_t dev;   /* there */
	uint64_t size;  /* in the restore point: a power cut may have cost it its end */
	uint32_t mode;  /* in the workspace, with the type */
	uint32_t links; /* there */
};

struct undo_point {
	uint64_t taken; /* ns, CLOCK_REALTIME */
	uint64_t entries, bytes;
	uint64_t record; /* sizeof(struct undo_inode): of another brig's it isn't */
	bool clones;
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

/* Is it the file that 'ino' tells of, and as it was then? */
bool undo_is_same(const struct undo_inode *ino, const struct stat *now);

/* The names in a directory, without "." and "..", sorted. 0 or -errno. */
int undo_list(int fd, struct strv *names);

/* "dir/name", or "name" at the root. */
char *undo_join(const char *dir, const char *name);

/* Open a directory beneath 'root' without following links, to list and to work in. */
int undo_open_dir(int root, const char *path);

/* "3.1 GiB in 12345 files" of a workspace; cut short, "more than" that. */
#define UNDO_SIZE_TEXT 80
void undo_measure(int root, char out[UNDO_SIZE_TEXT]);

/* The path that 'ino' got first; 'path' itself, and NULL, when it had none. 0 or -ENOMEM.
 */
int undo_links_first(struct undo_links *l, uint64_t dev, uint64_t ino, const char *path,
	const char **first);
#endif
