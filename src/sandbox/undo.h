/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo.h - restore points of a workspace, by reflink.
 *
 * A restore point is a directory of the caller's: tree/ is the workspace, each file a
 * clone that shares its blocks (ioctl_ficlonerange(2)); inodes tells which file each
 * was cloned from and its ctime, by which an unchanged file is known later without being
 * read; undo.json, written last, makes it whole. Clones need btrfs, XFS or another file
 * system with reflinks, and the workspace and the restore point on the same one.
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

struct undo_limits {
	uint64_t entries; /* files and directories; 0 for UNDO_ENTRIES_MAX */
	uint64_t time_ns; /* 0 for no bound */
};

#define UNDO_ENTRIES_MAX 1000000

struct undo_stats {
	uint64_t entries; /* in the restore point, or looked at by an undo */
	uint64_t bytes;   /* of the files */
	uint64_t skipped; /* that could not be kept, or put back */
	uint64_t changed; /* undo: files, links and directories put back */
	uint64_t removed; /* undo: files, links and directories (with all beneath) removed
			   */
	bool kept;        /* undo: the state before it is in 'keep' */
};

/*
 * Make a restore point in the empty directory 'dest'. On failure 'dest' is empty again.
 *
 * -EOPNOTSUPP, with a hint, where files can't be cloned; -E2BIG over a limit.
 */
int undo_take(const struct undo_ws *ws, int dest, const struct undo_limits *limits,
	struct undo_stats *ret, struct err *e);

/* Is there a whole restore point in 'dest'? '*taken_ns' (CLOCK_REALTIME) unless NULL. */
bool undo_exists(int dest, uint64_t *taken_ns);

/*
 * Bring the workspace back to the restore point in 'point'; nothing of the sandbox may be
 * running. With 'keep' >= 0 (an empty directory) the state before is made a restore point
 * there first, if that is possible within 'limits'.
 *
 * Should:  touch nothing that is as it was; complete when called again after a crash.
 * Mustn't: write outside of the workspace.
 */
int undo_restore(const struct undo_ws *ws, int point, int keep,
	const struct undo_limits *limits, struct undo_stats *ret, struct err *e);

#endif
