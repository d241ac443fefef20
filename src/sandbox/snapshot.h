/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - snapshots on disk: STATE/snapshots/NAME, a directory.
 *
 *	snapshot.json	what it is of (struct snapshot_info)
 *	record.json	the sandbox's record; secrets are placeholders in it
 *	state, memory	of the machine; read-only from their making on
 *	sums		of all these (snapshot-sums.h)
 *	upper, ws/N/upper	the writable layers, with the owners that they have inside
 *
 * It is written beside its place, synced and renamed: a name that is there is whole. What an
 * interrupted one left has a name that is none, and is removed by the next.
 */
#ifndef BRIG_SANDBOX_SNAPSHOT_H
#define BRIG_SANDBOX_SNAPSHOT_H

#include "sandbox/sandbox.h"

/* In a sandbox's directory: what it goes on from when it is started next. */
#define SNAPSHOT_FROM "from"

struct snapshot_info {
	char *name;
	char *sandbox;      /* of which it was made */
	uint64_t created;   /* ns since the epoch */
	uint64_t memory;    /* bytes of the machine's */
	uint64_t channel;   /* numbers of channels up to here are taken */
	struct strv places; /* "DEVICE:INODE" of each mount's source, as it was */
	char *brig;         /* the version that made it */
};

struct snapshot {
	int dir;
	struct snapshot_info info;
	struct record rec;
};

#define SNAPSHOT_INIT     \
	{                 \
		.dir = -1 \
	}

void snapshot_clear(struct snapshot *s);
#define auto_snapshot AUTO(snapshot_clear)

/* One that is being made: a directory that is no snapshot yet. */
struct snapshot_new {
	int all, dir;
	char *temporary;
};

#define SNAPSHOT_NEW_INIT            \
	{                            \
		.all = -1, .dir = -1 \
	}

/* Make it. The name may be taken: snapshot_commit() says so. */
int snapshot_begin(struct snapshot_new *n, struct err *e);

/* Copy the writable layers of 'from' (a sandbox's or a snapshot's directory, with as many mounts)
 * into 'to', as root of the sandbox's user namespace. Nobody may write to them meanwhile. */
int snapshot_copy_layers(int from, int to, size_t mounts, struct err *e);

/* All the rest: 'state' and 'memory' are only read. 'info' and 'rec' stay the caller's. */
int snapshot_write(const struct snapshot_new *n, const struct snapshot_info *info,
	const struct record *rec, const int files[2], struct err *e);

/* Give it its name, once all is on disk. -EEXIST. */
int snapshot_commit(struct snapshot_new *n, const char *name, struct err *e);

/* Remove what isn't committed, and close. */
void snapshot_abandon(struct snapshot_new *n);

/*
 * Open one and check all but its memory, whose size is looked at: -ENOENT with the nearest name,
 * -EBADMSG for damage, -ENOTSUP for another version.
 */
int snapshot_load(const char *name, struct snapshot *ret, struct err *e);

/* The same of one that isn't committed. */
int snapshot_load_new(const struct snapshot_new *n, struct snapshot *ret, struct err *e);

/* Check its memory, unless that was done since it was last changed. */
int snapshot_check_memory(const struct snapshot *s, struct err *e);

/* Are the sources of its mounts what they were, and its image there? */
int snapshot_check_places(const struct snapshot *s, struct err *e);

/* What "DEVICE:INODE" is of a path now; the caller's to free. */
char *snapshot_place(const char *path);

/* Have the sandbox of 'sandbox_dir', whose layers were copied since 'copied' (seconds since 1970),
 * go on from it at its next start. */
int snapshot_put_from(
	const struct snapshot *s, int sandbox_dir, int64_t copied, struct err *e);
/* Remove that: it is used up. */
int snapshot_drop_from(int sandbox_dir, struct err *e);

int snapshot_names(struct strv *ret, struct err *e);
int snapshot_remove(const char *name, struct err *e);

/* Bytes that it takes on disk, without layers. */
uint64_t snapshot_size(const struct snapshot *s);

#endif
