/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock-table.h - the streams of one vsock device: found, watched, and in line for the guest.
 *
 * What a stream has for the guest, it stands in one line for, each once. Sockets lie in an epoll
 * set of the device's own (d->fd). To end a stream takes calls that a vCPU's thread may not make:
 * it notes them, and the main thread makes them. Until then its place is nobody else's.
 *
 * The lock is the device's.
 */
#ifndef BRIG_VMM_VIRTIO_VSOCK_TABLE_H
#define BRIG_VMM_VIRTIO_VSOCK_TABLE_H

#include "vmm/virtio/device.h"
#include "vmm/virtio/vsock-conn.h"
#include "vmm/virtio/vsock.h"

struct vsock_table {
	struct virtio_device *device;
	struct vsock_conn conn[VSOCK_CONNECTIONS_MAX];
	unsigned high;    /* all from there on are free, or only to be tidied */
	uint8_t *pending; /* VSOCK_BUFFER for each: memory only where it was used */
	struct vsock_conn *first_due, *last_due;
};

/* 0 or -errno. Clear: of what was begun, or of zeroes. */
int vsock_table_begin(struct vsock_table *t, struct virtio_device *d);
void vsock_table_clear(struct vsock_table *t);

/* One that the guest hasn't forgotten; NULL. */
struct vsock_conn *vsock_table_find(
	struct vsock_table *t, uint32_t host_port, uint32_t guest_port);
/* A place for one more, to be begun; NULL: there is none. */
struct vsock_conn *vsock_table_make(
	struct vsock_table *t, uint32_t host_port, uint32_t guest_port);

/* After anything that happened to a stream: its place in the line, and what it is watched for. */
void vsock_table_touch(struct vsock_table *t, struct vsock_conn *c);

/* The first in the line, who leaves it; NULL. */
struct vsock_conn *vsock_table_next(struct vsock_table *t);

/* What epoll said of one: the stream; NULL: another has its place meanwhile, or nobody. */
struct vsock_conn *vsock_table_of(struct vsock_table *t, uint64_t epoll_data);

/* End all at once. From any thread. */
void vsock_table_reset(struct vsock_table *t);
void vsock_table_tidy(struct vsock_table *t); /* the main thread's */

#endif
