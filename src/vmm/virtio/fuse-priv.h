/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-priv.h - one request: what its handlers have, and share. */
#ifndef BRIG_VMM_VIRTIO_FUSE_PRIV_H
#define BRIG_VMM_VIRTIO_FUSE_PRIV_H

#include "vmm/virtio/fuse-fds.h"
#include "vmm/virtio/fuse-proto.h"

#define FUSE_PAGES     256
#define FUSE_MAX_WRITE (FUSE_PAGES * 4096U)
/* Programs' buffers are as large as this says, and each write of one is a request. */
#define FUSE_BLOCK 65536U

struct fuse_request {
	struct fuse *f;
	struct fuse_in_header in;
	const uint8_t *args; /* a copy, args_len bytes */
	size_t args_len;
	const struct iovec *out, *to; /* as they came */
	unsigned out_n, to_n;
	size_t out_len, room; /* of the answer's body */
	size_t wrote;         /* of it: by handlers that write it themselves */
	bool silent;          /* no answer at all */
	struct fuse_inode
		*node;     /* of in.nodeid, unless the table says that none is wanted */
	struct fuse_fd at; /* of node, where the table says so */
};

/* A handler returns 0 or a negative errno, after which nothing of the body counts. */
int fuse_init(struct fuse_request *r);
int fuse_destroy(struct fuse_request *r);
int fuse_lookup(struct fuse_request *r);
int fuse_forget(struct fuse_request *r);
int fuse_batch_forget(struct fuse_request *r);
int fuse_interrupt(struct fuse_request *r);
int fuse_readlink(struct fuse_request *r);
int fuse_unlink(struct fuse_request *r);
int fuse_rmdir(struct fuse_request *r);
int fuse_rename(struct fuse_request *r);
int fuse_rename2(struct fuse_request *r);
int fuse_link(struct fuse_request *r);
int fuse_mknod(struct fuse_request *r);
int fuse_mkdir(struct fuse_request *r);
int fuse_symlink(struct fuse_request *r);
int fuse_create(struct fuse_request *r);
int fuse_tmpfile(struct fuse_request *r);
int fuse_getattr(struct fuse_request *r);
int fuse_statx(struct fuse_request *r);
int fuse_setattr(struct fuse_request *r);
int fuse_statfs(struct fuse_request *r);
int fuse_getxattr(struct fuse_request *r);
int fuse_listxattr(struct fuse_request *r);
int fuse_setxattr(struct fuse_request *r);
int fuse_removexattr(struct fuse_request *r);
int fuse_open(struct fuse_request *r);
int fuse_release(struct fuse_request *r);
int fuse_flush(struct fuse_request *r);
int fuse_read(struct fuse_request *r);
int fuse_write(struct fuse_request *r);
int fuse_fsync(struct fuse_request *r);
int fuse_syncfs(struct fuse_request *r);
int fuse_lseek(struct fuse_request *r);
int fuse_fallocate(struct fuse_request *r);
int fuse_copy(struct fuse_request *r);
int fuse_opendir(struct fuse_request *r);
int fuse_readdir(struct fuse_request *r);
int fuse_readdirplus(struct fuse_request *r);

/* The body of the answer; -EINVAL without room for it. */
int fuse_reply(struct fuse_request *r, const void *body, size_t len);

/* The arguments' string from '*at' on, which goes behind it. NULL: there is none. */
const char *fuse_text(struct fuse_request *r, size_t *at);
/* The same for the name of an entry: 0, -EINVAL, -ENAMETOOLONG. */
int fuse_name(struct fuse_request *r, size_t *at, const char **ret);

/* Bytes [at, at + n) of segments; returns how many there are. */
unsigned fuse_slice(const struct iovec *v, unsigned n, size_t at, size_t len,
	struct iovec ret[FUSE_SEGMENTS_MAX]);
size_t fuse_copy_from(const struct iovec *v, unsigned n, size_t at, void *to, size_t len);
size_t fuse_copy_to(
	const struct iovec *v, unsigned n, size_t at, const void *from, size_t len);

/* --- attributes (fuse-attributes.c) --- */

void fuse_attr_fill(struct fuse *f, struct fuse_inode *i, const struct host_stat *st,
	struct fuse_attr *ret);
void fuse_entry_fill(struct fuse *f, struct fuse_inode *dir, struct fuse_inode *i,
	const struct host_stat *st, struct fuse_entry_out *ret);
void fuse_valid(struct fuse *f, uint64_t *sec, uint32_t *nsec);
uint32_t fuse_shown(const struct fuse *f, uint32_t id);
/* May this be told to be kept? Only where it is what the client was told last. */
bool fuse_unchanged(struct fuse *f, struct fuse_inode *i, const struct host_stat *st);
/* The set-id bits that a file may have: not those of who is shown as root and isn't. */
mode_t fuse_mode_for(const struct fuse *f, mode_t mode, uint32_t uid, uint32_t gid);
/* Bits, of a descriptor however it was opened. */
int fuse_chmod(struct fuse *f, const struct fuse_fd *fd, mode_t mode);
int fuse_kill_sid(int fd);
int fuse_entry_reply(
	struct fuse_request *r, const char *name, const struct host_stat *st, bool fresh);

#endif
