/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-fds.h - descriptors of inodes, and the client's handles. */
#ifndef BRIG_VMM_VIRTIO_FUSE_FDS_H
#define BRIG_VMM_VIRTIO_FUSE_FDS_H

#include "vmm/virtio/fuse-inodes.h"

/* A descriptor of an inode's, O_PATH or a handle's. */
struct fuse_fd {
	int fd;
	bool real; /* not O_PATH */
	struct fuse_inode *inode;
	struct fuse_handle *handle; /* whose it is; or NULL */
	bool own;                   /* closed at the end */
};

/* -ESTALE where its name leads elsewhere or there is none. */
int fuse_fd_get(struct fuse *f, struct fuse_inode *i, struct fuse_fd *ret);
void fuse_fd_put(struct fuse *f, struct fuse_fd *fd);

/* The host's word on an inode, by the cheapest way there is. */
int fuse_inode_stat(struct fuse *f, struct fuse_inode *i, struct host_stat *ret);

/*
 * Open for real: O_RDONLY, O_WRONLY or O_RDWR, of a regular file or FIFO (to change its bits
 * by) or O_RDONLY of a directory. 'st' is what it is now.
 */
int fuse_open_real(
	struct fuse *f, struct fuse_inode *i, int access, struct host_stat *st);
/* host_open() with idle descriptors given up where there are no more. */
int fuse_open_at(struct fuse *f, int dir, const char *name, int flags, mode_t mode);

/* Before its name goes: what will have to be found without one. */
void fuse_orphan(struct fuse *f, struct fuse_inode *i, int dir, const char *name);
/* With the lock held: take the inode's descriptor out; -1 */
int fuse_fd_take(struct fuse_inode *i);
/* With the lock held: where an idle one belongs, now that the inode's name is another. */
void fuse_fd_relist(struct fuse *f, struct fuse_inode *i);
/* Give it one, unless it has: then 'fd' is closed. */
void fuse_fd_install(struct fuse *f, struct fuse_inode *i, int fd);
/* The inode's name and its directory's descriptor; name "" and -ESTALE: it has none. */
int fuse_place_get(struct fuse *f, struct fuse_inode *i, char name[FUSE_NAME_ROOM],
	struct fuse_fd *dir);

/* --- handles (fuse-handles.c) --- */

/* Takes over 'fd', also where it fails: -ENFILE, -ENOMEM. */
int fuse_handle_new(
	struct fuse *f, struct fuse_inode *i, int fd, int access, uint64_t *ret_id);
/* -EBADF: no such, not of this inode, or -ESTALE: lost over a restore. Counted as used. */
int fuse_handle_get(struct fuse *f, uint64_t id, uint64_t node, struct fuse_handle **ret);
void fuse_handle_put(struct fuse *f, struct fuse_handle *h);
int fuse_handle_release(struct fuse *f, uint64_t id, uint64_t node);
void fuse_handle_drop(struct fuse *f, uint64_t id); /* whosever it is */
void fuse_handles_clear(struct fuse *f);
/* One of the inode's that may do this (-1: whatever), counted as used; NULL. The lock is held. */
struct fuse_handle *fuse_handle_of(struct fuse_inode *i, int access);
/* with its number given, by who restores; the lock is held */
int fuse_handle_add(
	struct fuse *f, struct fuse_inode *i, uint64_t id, int fd, int access);

#endif
