/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk.h - a disk in a raw file, or in two of which only one is written (virtio 1.3, section 5.2).
 *
 * With a base, the disk is as long as the base, which may be shared with any number of others
 * and is only read. What the guest writes goes to a file of its own, in clusters of
 * BLK_CLUSTER; where the disk ends in that file, a table follows that says which clusters it
 * has. The table is brought to the file when the guest flushes, after the data it speaks of:
 * what was flushed survives whatever happens, as on any disk.
 *
 * Requests are served in the thread of the vCPU that kicked. Descriptors are taken over.
 */
#ifndef BRIG_VMM_VIRTIO_BLK_H
#define BRIG_VMM_VIRTIO_BLK_H

#include "vmm/virtio/device.h"
#include "vmm/virtio/ratelimit.h"

struct err;

#define BLK_SECTOR  512U
#define BLK_CLUSTER 65536U

struct blk_options {
	int fd; /* a file or block device; with a base, the file of changes: an empty one,
		   * or one that was such before */
	int base; /* -1: none */
	bool read_only;
	char serial[20]; /* what the guest may ask for, padded by 0 */
	struct ratelimit_options limit;
};

/* NULL on failure, with the descriptors left to the caller. */
struct virtio_device *blk_new(const struct blk_options *o, struct err *e);
void blk_free(struct virtio_device *d);

/* The file has another size now (not with a base). Takes the lock. 0 or -errno. */
int blk_resize(struct virtio_device *d, struct err *e);

#endif
