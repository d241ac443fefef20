/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock.h - stream sockets between the guest and chosen sockets of the host's (virtio 1.3, 5.10).
 *
 * The guest reaches the ports that were given here and nothing else. A port stands for a
 * connected stream socket that was inherited, which takes one connection. The host reaches any
 * port of the guest's by vsock_dial(). Both kinds end as they began: one socket joined to one stream, either
 * direction of which ends for itself. Of all connections there are at most
 * VSOCK_CONNECTIONS_MAX; further ones are refused.
 *
 * Saved: nothing of the connections. A restored guest is told that its transport was reset
 * (section 5.10.6.7.1), loses all it had and may connect again.
 */
#ifndef BRIG_VMM_VIRTIO_VSOCK_H
#define BRIG_VMM_VIRTIO_VSOCK_H

#include "vmm/virtio/device.h"

struct err;

#define VSOCK_GUEST_CID       3U
#define VSOCK_CONNECTIONS_MAX 256U
#define VSOCK_LISTENERS_MAX   16U

enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES };

struct vsock_listener {
	uint32_t port;
	int fd; /* a connected stream socket, taken over */
};

struct vsock_options {
	uint64_t guest_cid; /* 0: VSOCK_GUEST_CID */
	const struct vsock_listener *listeners;
	unsigned n_listeners;
};

/* NULL on failure, with the listeners' descriptors left to the caller. */
struct virtio_device *vsock_new(const struct vsock_options *o, struct err *e);
void vsock_free(struct virtio_device *d);

/*
 * Connect the stream socket 'fd' to the guest's port 'port'. The descriptor is the device's
 * from then on, also on failure. 0; -ENOTCONN without a driver, -EMFILE for too many. A guest
 * that refuses closes the socket. Takes the lock: the main thread's.
 */
int vsock_dial(struct virtio_device *d, uint32_t port, int fd);

#endif
