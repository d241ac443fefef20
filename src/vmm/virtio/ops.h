/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h - what a kind of virtio device is, and has to do; device.h says when. */
#ifndef BRIG_VMM_VIRTIO_OPS_H
#define BRIG_VMM_VIRTIO_OPS_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct span;
struct virtio_device;

/* device status, section 2.1 */
enum {
	VIRTIO_ACKNOWLEDGE = 1,
	VIRTIO_DRIVER = 2,
	VIRTIO_DRIVER_OK = 4,
	VIRTIO_FEATURES_OK = 8,
	VIRTIO_NEEDS_RESET = 64,
	VIRTIO_FAILED = 128,
};

/* why the driver is interrupted: bits of InterruptStatus, section 4.2.2 */
enum { VIRTIO_INT_USED = 1, VIRTIO_INT_CONFIG = 2 };

struct virtio_ops {
	const char *name;
	uint32_t id; /* section 5 */
	unsigned queues;
	uint16_t queue_size; /* of each: a power of two, at most VQ_SIZE_MAX */
	uint64_t features;   /* the device's own; VQ_FEATURES come with the transport */
	size_t config_size;

	/* 'off' + 'n' is within config_size. write_config may be NULL: ignored. */
	void (*read_config)(struct virtio_device *d, uint32_t off, void *to, uint32_t n);
	void (*write_config)(
		struct virtio_device *d, uint32_t off, const void *from, uint32_t n);

	/* DRIVER_OK: the queues are live, d->features is what was agreed. Not 0: broken. */
	int (*activate)(struct virtio_device *d);
	/* Forget all; nothing in flight afterwards. Also before X_free(), also unactivated. */
	void (*reset)(struct virtio_device *d);
	/* The driver kicked 'queue', which is live. */
	void (*notify)(struct virtio_device *d, unsigned queue);
	/* What virtio_watch() watches is ready. NULL in a device that watches nothing. */
	void (*ready)(struct virtio_device *d, uint32_t events);
	/* virtio_tidy_later(). Whatever the device's state is. */
	void (*tidy)(struct virtio_device *d);

	/* The device's own state, with a version in front; queues and status are not its
	 * business. Called while no vCPU runs. 'restore' comes in the place of 'activate'. */
	int (*save)(struct virtio_device *d, struct buf *to);
	int (*restore)(struct virtio_device *d, struct span *from);

	void (*free)(struct virtio_device *d); /* X_free(), for who has it as a device */
};

#endif
