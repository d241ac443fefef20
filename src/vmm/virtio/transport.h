/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - what is above a virtio device: mmio.h, the machine, tests.
 *
 * All of it takes the device's lock unless said otherwise.
 */
#ifndef BRIG_VMM_VIRTIO_TRANSPORT_H
#define BRIG_VMM_VIRTIO_TRANSPORT_H

#include "vmm/virtio/device.h"

/* A bit of virtio_do_later() beside those of queues. */
#define VIRTIO_TIDY 31U

/* What the machine does for a device. */
struct virtio_host {
	void (*interrupt)(struct virtio_device *d, uint32_t why); /* VIRTIO_INT_* */
	/* see virtio_watch() */
	int (*watch)(struct virtio_device *d, int fd, uint32_t events);
	/* have the main thread call virtio_do_later() with this bit: a queue, VIRTIO_TIDY */
	void (*later)(struct virtio_device *d, unsigned bit);
};

void virtio_attach(struct virtio_device *d, const struct guest_memory *memory,
	const struct virtio_host *host, void *host_data);

/* The lock is held. Bits are only added, save by 0, which is a reset (section 2.1.1). */
void virtio_set_status(struct virtio_device *d, uint32_t status);

/* The lock is held. May the driver set up queues now? Only between FEATURES_OK and
 * DRIVER_OK; what it writes at another time has no effect. */
bool virtio_queues_open(const struct virtio_device *d);

/* The driver has something on a queue: serve it here or, for a device that is 'main_only',
 * have the main thread do so. */
void virtio_kick(struct virtio_device *d, unsigned queue);
/* Serve it now. */
void virtio_notify(struct virtio_device *d, unsigned queue);

/* The main thread's: what was put off until now; and what virtio_watch() watches is ready. */
void virtio_do_later(struct virtio_device *d, uint32_t bits);
void virtio_ready(struct virtio_device *d, uint32_t events);

void virtio_read_config(struct virtio_device *d, uint32_t off, void *to, uint32_t n);
void virtio_write_config(
	struct virtio_device *d, uint32_t off, const void *from, uint32_t n);

/* Status, features, queues and the device's own; for a device that was just attached. */
int virtio_save(struct virtio_device *d, struct buf *to);
int virtio_restore(struct virtio_device *d, struct span *from);

/* This thread is a vCPU's. Every other one counts as the main thread. */
void virtio_leave_main(void);

#endif
