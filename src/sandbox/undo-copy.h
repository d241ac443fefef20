/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo-copy.h - the bytes of one file into a restore point, within bounds.
 *
 * The first file that can be cloned, or can't, decides for all of a restore point.
 */
#ifndef BRIG_SANDBOX_UNDO_COPY_H
#define BRIG_SANDBOX_UNDO_COPY_H

#include "sandbox/undo.h"

#include <sys/stat.h>

struct err;

enum undo_way {
	UNDO_UNKNOWN, /* nothing was cloned or copied yet; to UNDO_CLONES or UNDO_COPIES */
	UNDO_CLONES,
	UNDO_COPIES,
};

struct undo_copier {
	enum undo_way way;
	uint64_t deadline;               /* CLOCK_MONOTONIC, 0 for none */
	uint64_t time_ns;                /* that it allows, for the message */
	uint64_t entries_max, bytes_max; /* bytes_max 0 for none */
	uint64_t inodes_free,
		bytes_free; /* the part that may be taken; UINT64_MAX for all */
	uint64_t entries, inodes, copied;
	char over[96]; /* the bound that was met, for the message */
};

/* 'root' is the workspace, 'dest' the restore point's directory. */
int undo_copier_begin(struct undo_copier *c, int root, int dest,
	const struct undo_terms *terms, struct err *e);

/* Count one more entry. Over a bound -E2BIG, over the time -ETIMEDOUT. */
int undo_copier_count(struct undo_copier *c, struct err *e);

/* One that is not a hard link takes an inode. */
int undo_copier_inode(struct undo_copier *c, struct err *e);

/*
 * Fill the empty file 'to'. Returns 1 when that was not possible and the file is to be
 * skipped; over a bound as above.
 */
int undo_copier_file(
	struct undo_copier *c, int from, int to, const struct stat *st, struct err *e);

#endif
