/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/testing.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096U

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "testing: %s\n", what);
	abort();
}

static void host_interrupt(struct virtio_device *d, uint32_t why)
{
	struct testing *t = d->host_data;

	if (why & VIRTIO_INT_USED)
		t->interrupts++;
	if (why & VIRTIO_INT_CONFIG)
		t->config_interrupts++;
}

static int host_watch(struct virtio_device *d, int fd, uint32_t events)
{
	struct testing *t = d->host_data;

	t->watched_fd = events ? fd : -1;
	t->watched = events;
	return 0;
}

static void host_later(struct virtio_device *d, unsigned queue)
{
	struct testing *t = d->host_data;

	must(queue < d->ops->queues || (queue == VIRTIO_TIDY && d->ops->tidy),
		"later, for a queue that isn't there");
	t->later |= 1U << queue;
}

static const struct virtio_host host = { host_interrupt, host_watch, host_later };

void testing_begin(struct testing *t, struct virtio_device *d, uint64_t bytes)
{
	size_t whole;
	uint8_t *at;

	must(d && d->ops->queues <= VIRTIO_QUEUES_MAX, "a device");
	bytes = (bytes + PAGE - 1) / PAGE * PAGE;
	whole = bytes + 2 * PAGE;
	at = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(at != MAP_FAILED && mprotect(at + PAGE, bytes, PROT_READ | PROT_WRITE) == 0,
		"memory");
	*t = (struct testing){ .memory = { .host = at + PAGE, .size = bytes, .fd = -1 },
		.device = d,
		.heap = PAGE,
		.watched_fd = -1 };
	virtio_attach(d, &t->memory, &host, t);
}

static void set_status(struct testing *t, uint32_t status)
{
	(void)pthread_mutex_lock(&t->device->lock);
	virtio_set_status(t->device, status);
	(void)pthread_mutex_unlock(&t->device->lock);
}

void testing_end(struct testing *t)
{
	set_status(t, 0);
	must(t->watched == 0, "a device that was reset watches nothing");
	t->device->ops->free(t->device);
	(void)munmap(t->memory.host - PAGE, t->memory.size + 2 * PAGE);
	*t = (struct testing){ .watched_fd = -1 };
}

uint64_t testing_alloc(struct testing *t, uint64_t len, uint64_t align)
{
	uint64_t at = (t->heap + align - 1) / align * align;

	must(at <= t->memory.size && len <= t->memory.size - at, "the heap is full");
	t->heap = at + len;
	return at;
}

void *testing_at(struct testing *t, uint64_t at, uint64_t len)
{
	return memory_span(&t->memory, at, len);
}

static void make_queue(struct testing *t, unsigned i)
{
	struct virtqueue *q = &t->device->queues[i];
	struct testing_queue *mine = &t->queue[i];
	uint16_t n = q->size_max < TESTING_SIZE ? q->size_max : TESTING_SIZE;

	*mine = (struct testing_queue){ .size = n,
		.desc = testing_alloc(t, 16ULL * n, 16),
		.avail = testing_alloc(t, 6ULL + 2ULL * n, 2),
		.used = testing_alloc(t, 6ULL + 8ULL * n, 4) };
	memset(testing_at(t, mine->desc, 16ULL * n), 0, 16ULL * n);
	memset(testing_at(t, mine->avail, 6ULL + 2ULL * n), 0, 6ULL + 2ULL * n);
	memset(testing_at(t, mine->used, 6ULL + 8ULL * n), 0, 6ULL + 8ULL * n);
	q->config = (struct virtqueue_config){ .size = n,
		.ready = 1,
		.desc = mine->desc,
		.driver = mine->avail,
		.device = mine->used };
}

bool testing_start(struct testing *t, uint64_t features)
{
	struct virtio_device *d = t->device;

	testing_reset(t);
	set_status(t, VIRTIO_ACKNOWLEDGE);
	set_status(t, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	d->driver_features = (features & d->offered) | VQ_F_VERSION_1;
	set_status(t, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	must(virtio_queues_open(d), "features are agreed on");
	for (unsigned i = 0; i < d->ops->queues; i++)
		make_queue(t, i);
	set_status(t,
		VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK |
			VIRTIO_DRIVER_OK);
	return (d->status & VIRTIO_DRIVER_OK) && !d->broken;
}

void testing_reset(struct testing *t)
{
	set_status(t, 0);
	t->heap = PAGE;
	t->later = 0;
}

static struct vring_desc desc_of(const struct testing_seg *seg, bool more, uint16_t next)
{
	return (struct vring_desc){ .addr = seg->at,
		.len = seg->len,
		.flags = (uint16_t)((seg->in ? VRING_DESC_F_WRITE : 0) |
			(more ? VRING_DESC_F_NEXT : 0)),
		.next = next };
}

static void put_desc(struct testing *t, uint64_t table, uint16_t i, struct vring_desc d)
{
	must(memory_copy_in(&t->memory, table + 16ULL * i, &d, 16) == 0, "a descriptor");
}

static void offer(struct testing *t, struct testing_queue *q, uint16_t head)
{
	uint16_t next = (uint16_t)(q->avail_idx + 1);
	uint64_t at = q->avail + 4 + 2ULL * (q->avail_idx % q->size);

	must(memory_copy_in(&t->memory, at, &head, 2) == 0, "the ring");
	atomic_thread_fence(memory_order_release);
	must(memory_copy_in(&t->memory, q->avail + 2, &next, 2) == 0, "the index");
	q->avail_idx = next;
}

uint16_t testing_add(
	struct testing *t, unsigned queue, const struct testing_seg *seg, unsigned n)
{
	struct testing_queue *q = &t->queue[queue];
	uint16_t head = q->next_desc;

	must(n > 0 && n <= q->size, "a chain fits into its queue");
	for (unsigned i = 0; i < n; i++) {
		uint16_t at = q->next_desc;

		q->next_desc = (uint16_t)((at + 1) % q->size);
		put_desc(t, q->desc, at, desc_of(&seg[i], i + 1 < n, q->next_desc));
	}
	offer(t, q, head);
	return head;
}

uint16_t testing_add_indirect(
	struct testing *t, unsigned queue, const struct testing_seg *seg, unsigned n)
{
	struct testing_queue *q = &t->queue[queue];
	uint64_t table = testing_alloc(t, 16ULL * n, 16);
	uint16_t head = q->next_desc;

	for (unsigned i = 0; i < n; i++)
		put_desc(t, table, (uint16_t)i,
			desc_of(&seg[i], i + 1 < n, (uint16_t)(i + 1)));
	put_desc(t, q->desc, head,
		(struct vring_desc){
			.addr = table, .len = 16 * n, .flags = VRING_DESC_F_INDIRECT });
	q->next_desc = (uint16_t)((head + 1) % q->size);
	offer(t, q, head);
	return head;
}

void testing_do_later(struct testing *t)
{
	for (unsigned rounds = 0; t->later && rounds < 64; rounds++) {
		uint32_t now = t->later;

		t->later = 0;
		virtio_do_later(t->device, now);
	}
}

void testing_kick(struct testing *t, unsigned queue)
{
	virtio_kick(t->device, queue);
	testing_do_later(t);
}

bool testing_poll(struct testing *t, int timeout_ms)
{
	struct pollfd p = { .fd = t->watched_fd, .events = (short)t->watched };

	if (t->watched_fd < 0 || poll(&p, 1, timeout_ms) <= 0)
		return false;
	virtio_ready(t->device, (uint32_t)p.revents);
	testing_do_later(t);
	return true;
}

bool testing_used(struct testing *t, unsigned queue, uint16_t *head, uint32_t *written)
{
	struct testing_queue *q = &t->queue[queue];
	struct vring_used_elem elem;
	uint16_t idx;

	must(memory_copy_out(&t->memory, q->used + 2, &idx, 2) == 0, "the used index");
	if (idx == q->used_seen)
		return false;
	atomic_thread_fence(memory_order_acquire);
	must(memory_copy_out(&t->memory, q->used + 4 + 8ULL * (q->used_seen % q->size),
		     &elem, 8) == 0,
		"a used entry");
	q->used_seen++;
	*head = (uint16_t)elem.id;
	*written = elem.len;
	return true;
}

int testing_move(struct testing *t, struct virtio_device *to)
{
	struct buf state = { 0 };
	struct virtio_device *old = t->device;
	int r = virtio_save(old, &state);

	if (r == 0) {
		struct span from = { (const uint8_t *)state.data, state.len };

		/* its queues are forgotten, not returned: they are the new one's */
		set_status(t, 0);
		t->later = 0;
		virtio_attach(to, &t->memory, &host, t);
		t->device = to;
		r = virtio_restore(to, &from);
		if (r == 0 && from.left)
			r = -EBADMSG;
		old->ops->free(old);
		testing_do_later(t);
	}
	buf_clear(&state);
	return r;
}
