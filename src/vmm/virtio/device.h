/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - what every virtio device is made of (virtio 1.3, sections 2.1 and 3.1).
 *
 * A device is a struct that begins with struct virtio_device and a table of functions. It
 * knows nothing of the transport above (transport.h), has no globals and no thread.
 *
 * Locking: whoever calls a function of struct virtio_ops holds d->lock. A function must not
 * block for long: the guest's CPU, or everybody's events, wait for it. Exceptions are file
 * operations at the guest's own request.
 *
 * Threads: notifications come in the thread of the vCPU that kicked, or in the main thread;
 * for a device that is 'main_only' there alone, as 'ready' and 'tidy' do. A vCPU's thread may
 * make few calls to the host's kernel (linux/seccomp-vmm.inc), and none for memory: what else
 * there is to do waits for one of those.
 *
 * Life: new -> virtio_attach() -> (activate -> notify, ready ... -> reset)* -> free. Between
 * reset and activate no queue is live and nothing may be in flight.
 */
#ifndef BRIG_VMM_VIRTIO_DEVICE_H
#define BRIG_VMM_VIRTIO_DEVICE_H

#include "vmm/virtio/ops.h"
#include "vmm/virtio/virtqueue.h"

#include <pthread.h>

#define VIRTIO_QUEUES_MAX 8

struct virtio_host; /* transport.h */

struct virtio_device {
	const struct virtio_ops *ops;
	pthread_mutex_t lock;
	const struct guest_memory *memory;
	struct virtqueue *queues; /* ops->queues of them */
	uint64_t
		offered; /* features: ops->features and VQ_FEATURES; X_new may take away */
	uint64_t features;        /* agreed, from FEATURES_OK on */
	uint64_t driver_features; /* what the driver wrote until then */
	uint32_t status;          /* VIRTIO_DRIVER_OK and the like */
	uint32_t config_generation;
	int fd;           /* the device's, for its own use; -1 */
	bool broken;      /* until reset: no queue is looked at */
	bool main_only;   /* all of it is done in the main thread */
	uint32_t watched; /* events asked for by virtio_watch(); 0: none */
	int watched_fd;
	const struct virtio_host *host;
	void *host_data;
};

/* First of all in X_new(); the queues are dead, fd is -1. 0 or -ENOMEM. And last in X_free(). */
int virtio_device_init(struct virtio_device *d, const struct virtio_ops *ops);
void virtio_device_clear(struct virtio_device *d);

/* Tell the driver that 'queue' has something, if it wants to be told. After pushes. */
void virtio_interrupt(struct virtio_device *d, unsigned queue);

/* The configuration space has changed. */
void virtio_config_changed(struct virtio_device *d);

/* The driver broke the rules: DEVICE_NEEDS_RESET (section 2.1.2). Nothing is done for it
 * until it resets the device. Its own handler returns right after. */
void virtio_broken(struct virtio_device *d);

/*
 * Have 'ready' called in the main thread whenever 'fd' is (epoll_ctl(2), level-triggered);
 * with 0 events no more, not even for EPOLLHUP. One descriptor at a time; who has several
 * gives an epoll descriptor of its own. A reset ends it. 0 or -errno.
 */
int virtio_watch(struct virtio_device *d, int fd, uint32_t events);

/* Call 'notify' for 'queue' once more, soon, from the main thread: there is more on it than
 * one call may do. */
void virtio_notify_later(struct virtio_device *d, unsigned queue);

/* Call 'tidy', soon, from the main thread: to make calls that a vCPU's thread may not. */
void virtio_tidy_later(struct virtio_device *d);

/* Is this the main thread, and no vCPU's? */
bool virtio_in_main(void);

/* Was this agreed on? 'bit' is a number of section 5. */
static inline bool virtio_has(const struct virtio_device *d, unsigned bit)
{
	return d->features >> bit & 1;
}

#endif
