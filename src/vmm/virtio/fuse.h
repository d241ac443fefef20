/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse.h - a directory of the host, served to a kernel that is taken as hostile, in the
 * words of the FUSE protocol (linux/fuse.h, 7.31 to 7.39).
 *
 * It knows no transport: a request is what the client wrote (out) and where the answer goes
 * (in), as descriptors of memory that the client may change meanwhile. Arguments are copied
 * before they are looked at; only contents of files go straight between that memory and the
 * host's calls.
 *
 * Should:   behave as the host's file system does, with owners, times and errors, and see
 *           what the host changes within 'attr_ms', contents at the next open at the latest.
 * Mustn't:  reach anything above 'root' or behind a symbolic link of the host, wait for a
 *           FIFO, open a device, make one, or hold more descriptors than a share of
 *           RLIMIT_NOFILE, whatever the client asks for.
 *
 * The process has umask 0 and, of capabilities, at most CHOWN, DAC_OVERRIDE, FOWNER and
 * FSETID; it needs no /proc. Requests come from any number of threads at once.
 */
#ifndef BRIG_VMM_VIRTIO_FUSE_H
#define BRIG_VMM_VIRTIO_FUSE_H

#include "base/state.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct err;
struct fuse;

#define FUSE_SEGMENTS_MAX \
	256 /* of contents, in either part of a request; what is beyond is cut */
#define FUSE_NO_SQUASH (~0U)

struct fuse_options {
	int root;        /* a directory, O_PATH suffices; stays the caller's, and open */
	unsigned squash; /* an owner of the host's that is root here; or FUSE_NO_SQUASH */
	unsigned attr_ms; /* how long names, missing names and attributes hold */
	unsigned
		inodes_max; /* that the client may know at once; 0: FUSE_INODES_DEFAULT */
	unsigned
		files_max; /* descriptors, of which it takes up to 7/8; 0: RLIMIT_NOFILE's */
	bool submounts;    /* mount points of the host's are told as such */
	int64_t copied;    /* see fuse_restore(); 0: nothing was */
};

#define FUSE_INODES_DEFAULT (1U << 20)

/* Sets the process's umask to 0. NULL with 'e' filled. */
struct fuse *fuse_new(const struct fuse_options *o, struct err *e);
void fuse_free(struct fuse *f);

/* As after fuse_new(): the client is gone. No request may be in work. */
void fuse_reset(struct fuse *f);

/*
 * Do one request. Returns how many bytes of the answer were written: 0 for a request that has
 * none, or whose 'in' has no room even for an error.
 */
size_t fuse_serve(struct fuse *f, const struct iovec *out, unsigned out_n,
	const struct iovec *in, unsigned in_n);

/*
 * What the client knows, by names: which are looked for again, one by one, when they are
 * used after fuse_restore(). A name that leads elsewhere by then, and an open file without a
 * name, is ESTALE. Of 'copied', a time in seconds since 1970, layers beneath the root are copies
 * that were made since: what was born then, at the same name and of the same kind, is what it
 * was, as nobody else writes there. No request may be in work. 0, -ENOMEM, -EMSGSIZE; restoring, into a fresh
 * or reset one, -EBADMSG, too.
 */
int fuse_save(struct fuse *f, struct buf *to);
int fuse_restore(struct fuse *f, struct span *from);

/* For tests: what is held now. */
struct fuse_counts {
	size_t inodes, handles, dir_fds, orphans;
	uint64_t lookups;
};
void fuse_count(struct fuse *f, struct fuse_counts *ret);

#endif
