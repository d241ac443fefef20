/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo.h - restore points of a workspace, by reflink or by copy.
 *
 * A restore point is a directory of the caller's: tree/ is the workspace; inodes tells
 * which file each in it was taken from, its size and its ctime, by which an unchanged
 * file is known later without being read; undo.json, written last, makes it whole.
 *
 * Where workspace and restore point are on one file system with reflinks (btrfs, XFS),
 * each file is a clone that shares its blocks (ioctl_ficlonerange(2)). Elsewhere it is a
 * copy, and one that did not change since an earlier restore point is a hard link to the
 * copy there. So a file in a tree/ may belong to several restore points: nothing is ever
 * written to it, and it is never linked to from anywhere else. What copies may cost is
 * bounded by struct undo_terms.
 *
 * Contents, permissions, times of files, links and hard links between files of the
 * workspace come back; access control lists and extended attributes of files that
 * changed do not. What can't be kept (sockets, what the caller can't read) is listed in
 * undo.json and left alone by an undo under the name that it had. Nothing here follows a
 * link.
 */
#ifndef BRIG_SANDBOX_UNDO_H
#define BRIG_SANDBOX_UNDO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

struct undo_ws {
	int root;         /* the workspace's directory */
	const char *path; /* its path, for messages */
	uid_t uid;        /* owner of what is put back; PLACE_ANYONE for the caller */
	gid_t gid;
};

struct undo_terms {
	uint64_t entries; /* files and directories; 0 for UNDO_ENTRIES_MAX */
	uint64_t time_ns; /* 0 for no bound */
	uint64_t bytes;   /* to be copied, beside what is cloned; 0 for no bound */
	int before; /* an earlier restore point, to link to what did not change; or -1 */
};

/* Of the space (and the inodes) that are free where the restore point is, copies take at
 * most this part. */
#define UNDO_FREE_PART 4U

#define UNDO_ENTRIES_MAX 1000000

struct undo_stats {
	uint64_t entries; /* in the restore point, or looked at by an undo */
	uint64_t bytes;   /* of the files */
	uint64_t skipped; /* that could not be kept, or put back */
	uint64_t changed; /* undo: files, links and directories put back */
	uint64_t removed; /* undo: files, links and directories (with all beneath) removed
			   */
	uint64_t copied;  /* of the bytes: those that were copied now */
	bool kept;        /* undo: the state before it is in 'keep' */
};

/*
 * Make a restore point in the empty directory 'dest'. On failure 'dest' is empty again.
 * 'terms' NULL for none. Over a bound -E2BIG, over that of the time
 * -ETIMEDOUT: which it was, and how large the workspace is.
 */
int undo_take(const struct undo_ws *ws, int dest, const struct undo_terms *terms,
	struct undo_stats *ret, struct err *e);

/* Is there a whole restore point in 'dest'? '*taken_ns' (CLOCK_REALTIME) unless NULL. */
bool undo_exists(int dest, uint64_t *taken_ns);

/* Was one begun in 'dest' that never became whole, or that lost it to be removed? */
bool undo_is_half(int dest);

/* Make it half: the first step of removing it. */
void undo_break(int dest);

/* What the list tells of one. */
struct undo_cost {
	bool clones;
	uint64_t disk; /* of copies: bytes on disk that the older ones don't have */
};

/* Paths by inode, for files that have more than one name. */
struct undo_links {
	void *tree;
};
void undo_links_clear(struct undo_links *l);

/* Begin with the oldest, and with a zeroed 'seen'. */
int undo_cost(int dest, struct undo_links *seen, struct undo_cost *ret, struct err *e);

/*
 * Bring the workspace back to the restore point in 'point'; nothing of the sandbox may be
 * running. With 'keep' >= 0 (an empty directory) the state before is made a restore point
 * there first, if that is possible within 'terms'; its 'before' is 'point'.
 *
 * Should:  touch nothing that is as it was; complete when called again after a crash.
 * Mustn't: write outside of the workspace.
 */
int undo_restore(const struct undo_ws *ws, int point, int keep,
	const struct undo_terms *terms, struct undo_stats *ret, struct err *e);

#endif
