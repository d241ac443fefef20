/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock-table.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#define PENDING_BYTES ((size_t)VSOCK_CONNECTIONS_MAX * VSOCK_BUFFER)

int vsock_table_begin(struct vsock_table *t, struct virtio_device *d)
{
	t->device = d;
	for (unsigned i = 0; i < VSOCK_CONNECTIONS_MAX; i++)
		t->conn[i].fd = t->conn[i].dead = -1;
	/* addresses for all of it, so that a vCPU's thread never asks for memory */
	t->pending = mmap(NULL, PENDING_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->pending == MAP_FAILED)
		t->pending = NULL;
	return t->pending ? 0 : -errno;
}

void vsock_table_clear(struct vsock_table *t)
{
	if (t->device)
		vsock_table_reset(t);
	if (t->pending)
		(void)munmap(t->pending, PENDING_BYTES);
	t->pending = NULL;
}

struct vsock_conn *vsock_table_find(
	struct vsock_table *t, uint32_t host_port, uint32_t guest_port)
{
	for (unsigned i = 0; i < t->high; i++) {
		struct vsock_conn *c = &t->conn[i];

		if ((c->state == VSOCK_CONNECTING || c->state == VSOCK_OPEN) &&
			c->host_port == host_port && c->guest_port == guest_port)
			return c;
	}
	return NULL;
}

struct vsock_conn *vsock_table_make(
	struct vsock_table *t, uint32_t host_port, uint32_t guest_port)
{
	for (unsigned i = 0; i < VSOCK_CONNECTIONS_MAX; i++) {
		struct vsock_conn *c = &t->conn[i];

		if (c->state != VSOCK_NONE || c->queued || !vsock_conn_is_tidy(c))
			continue;
		*c = (struct vsock_conn){ .fd = -1,
			.dead = -1,
			.pending = t->pending + (size_t)i * VSOCK_BUFFER,
			.host_port = host_port,
			.guest_port = guest_port,
			.generation = c->generation + 1 };
		if (i >= t->high)
			t->high = i + 1;
		return c;
	}
	return NULL;
}

static void enqueue(struct vsock_table *t, struct vsock_conn *c)
{
	if (c->queued)
		return;
	c->queued = true;
	c->next = NULL;
	if (t->last_due)
		t->last_due->next = c;
	else
		t->first_due = c;
	t->last_due = c;
}

struct vsock_conn *vsock_table_next(struct vsock_table *t)
{
	struct vsock_conn *c = t->first_due;

	if (!c)
		return NULL;
	t->first_due = c->next;
	if (!t->first_due)
		t->last_due = NULL;
	c->queued = false;
	return c;
}

static void rearm(struct vsock_table *t, struct vsock_conn *c)
{
	uint32_t wants = vsock_conn_wants(c);
	struct epoll_event ev = { .events = wants,
		.data.u64 = (uint64_t)(c - t->conn) | (uint64_t)c->generation << 32 };
	int op = c->armed == VSOCK_UNWATCHED ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (c->fd < 0) {
		c->armed = VSOCK_UNWATCHED; /* closing it takes it out */
		return;
	}
	if (wants == c->armed)
		return;
	if (wants == VSOCK_UNWATCHED)
		op = EPOLL_CTL_DEL;
	c->armed = wants;
	(void)epoll_ctl(t->device->fd, op, c->fd, &ev);
}

void vsock_table_touch(struct vsock_table *t, struct vsock_conn *c)
{
	if (vsock_conn_owes(c) || vsock_conn_can_read(c))
		enqueue(t, c);
	rearm(t, c);
	if (!vsock_conn_is_tidy(c)) {
		if (virtio_in_main())
			vsock_conn_tidy(c);
		else
			virtio_tidy_later(t->device);
	}
	while (t->high && t->conn[t->high - 1].state == VSOCK_NONE)
		t->high--;
}

struct vsock_conn *vsock_table_of(struct vsock_table *t, uint64_t epoll_data)
{
	struct vsock_conn *c = &t->conn[(uint32_t)epoll_data];

	return c->generation == epoll_data >> 32 && c->fd >= 0 ? c : NULL;
}

void vsock_table_tidy(struct vsock_table *t)
{
	for (unsigned i = 0; i < VSOCK_CONNECTIONS_MAX; i++)
		vsock_conn_tidy(&t->conn[i]);
}

void vsock_table_reset(struct vsock_table *t)
{
	while (vsock_table_next(t))
		;
	for (unsigned i = 0; i < t->high; i++)
		vsock_conn_clear(&t->conn[i]);
	t->high = 0;
	if (virtio_in_main())
		vsock_table_tidy(t);
	else
		virtio_tidy_later(t->device);
}
