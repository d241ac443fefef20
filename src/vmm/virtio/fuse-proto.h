/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-proto.h - linux/fuse.h, and of newer protocols what an older copy of it lacks (7.39;
 * Documentation/filesystems/fuse in Linux, include/uapi/linux/fuse.h).
 */
#ifndef BRIG_VMM_VIRTIO_FUSE_PROTO_H
#define BRIG_VMM_VIRTIO_FUSE_PROTO_H

#include <linux/fuse.h>

#define FUSE_PROTO_MINOR     39 /* what is answered at most ... */
#define FUSE_PROTO_MINOR_MIN 31 /* ... and what a client has to speak at least */

#if FUSE_KERNEL_MINOR_VERSION < 39
#define FUSE_STATX 52

struct fuse_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct fuse_statx {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0[1];
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct fuse_sx_time atime;
	struct fuse_sx_time btime;
	struct fuse_sx_time ctime;
	struct fuse_sx_time mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t spare2[14];
};

struct fuse_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct fuse_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct fuse_statx stat;
};
#endif

#endif
