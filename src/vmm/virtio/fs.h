/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs.h - virtio-fs: a directory of the host as a file system of the guest's (virtio 1.3,
 * section 5.11), without a shared memory window and without notifications.
 *
 * A request is served in the thread of the vCPU that kicked, without the device's lock, so
 * CPUs work beside each other. What it means is fuse.h's.
 */
#ifndef BRIG_VMM_VIRTIO_FS_H
#define BRIG_VMM_VIRTIO_FS_H

#include "vmm/virtio/device.h"

struct err;
struct fuse;

#define FS_TAG_MAX    36 /* bytes, without a NUL behind the last */
#define FS_QUEUES_MAX (VIRTIO_QUEUES_MAX - 1)

struct fs_options {
	const char *tag;  /* by which the guest mounts it */
	int root;         /* a directory, which the device takes over */
	unsigned queues;  /* for requests: one a CPU, cut to FS_QUEUES_MAX; 0: 1 */
	unsigned squash;  /* an owner of the host's that is root inside; FUSE_NO_SQUASH */
	unsigned attr_ms; /* how long names and attributes hold; 0: 1000 */
	unsigned inodes_max; /* 0: FUSE_INODES_DEFAULT */
	bool submounts;
	int64_t copied; /* fuse.h */
};

struct virtio_device *fs_new(const struct fs_options *o, struct err *e);
void fs_free(struct virtio_device *d);

/* For tests. */
struct fuse *fs_fuse(struct virtio_device *d);

#endif
