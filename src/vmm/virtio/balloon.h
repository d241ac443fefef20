/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balloon.h - guest memory that the host gets back (virtio 1.3, section 5.5).
 *
 * Two ways: free page reporting, by which the guest itself names what it doesn't use, and
 * the balloon, which the host inflates by a target. Pages go back by a hole in the memory's
 * file, or by madvise(2) where there is no file; they are zero, or what the file had, when
 * the guest touches them again. Only whole pages of the guest's own RAM are ever given up.
 *
 * A memory whose file is shared with others (a snapshot that is mapped privately) has fd -1:
 * a hole in it would be everybody's.
 */
#ifndef BRIG_VMM_VIRTIO_BALLOON_H
#define BRIG_VMM_VIRTIO_BALLOON_H

#include "vmm/virtio/device.h"

struct err;

/* Tags of section 5.5.6.3. */
#define BALLOON_STATS 16U

struct balloon_stats {
	uint64_t value[BALLOON_STATS];
	uint32_t known;    /* a bit for each tag that the guest has given */
	uint64_t reported; /* bytes given back by reports, and by inflating */
	uint64_t inflated;
	uint32_t target, actual; /* pages of 4 KiB */
};

struct virtio_device *balloon_new(struct err *e);
void balloon_free(struct virtio_device *d);

/* These take the lock. */
void balloon_set_target(struct virtio_device *d, uint32_t pages);
/* Have the guest count anew; false: it has the last request still, or takes none. */
bool balloon_ask_stats(struct virtio_device *d);
void balloon_get_stats(struct virtio_device *d, struct balloon_stats *ret);

#endif
