/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. The three parts of a queue are checked and latched as host addresses
 * when it starts (virtqueue_start). From then on a number of the guest's decides only two
 * kinds of things: an index into a ring, which is compared with the size or masked by it,
 * and an address with a length, which goes through memory_span(). Both are read exactly once
 * (the rings are volatile here), since the guest's other CPUs may write them meanwhile.
 */
#include "vmm/virtio/virtqueue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are little-endian");

/* where things are in the rings, section 2.7 */
#define AVAIL_FLAGS     0U
#define AVAIL_IDX       2U
#define AVAIL_RING      4U
#define USED_FLAGS      0U
#define USED_IDX        2U
#define USED_RING       4U
#define DESC_BYTES      16U
#define USED_ELEM_BYTES 8U

static uint16_t get16(const volatile uint8_t *at)
{
	return *(const volatile uint16_t *)(const volatile void *)at;
}

static void put16(volatile uint8_t *at, uint16_t v)
{
	*(volatile uint16_t *)(volatile void *)at = v;
}

static void put32(volatile uint8_t *at, uint32_t v)
{
	*(volatile uint32_t *)(volatile void *)at = v;
}

int virtqueue_start(
	struct virtqueue *q, const struct guest_memory *memory, uint64_t features)
{
	const struct virtqueue_config *c = &q->config;
	uint64_t n = c->size;
	void *desc, *avail, *used;

	q->size = 0;
	if (!c->ready)
		return 0;
	if (n == 0 || n > q->size_max || (n & (n - 1)))
		return -EINVAL;
	if (c->desc % 16 || c->driver % 2 || c->device % 4)
		return -EINVAL;
	desc = memory_span(memory, c->desc, n * DESC_BYTES);
	avail = memory_span(memory, c->driver, AVAIL_RING + n * 2 + 2);
	used = memory_span(memory, c->device, USED_RING + n * USED_ELEM_BYTES + 2);
	if (!desc || !avail || !used)
		return -EINVAL;
	q->desc = desc;
	q->avail = avail;
	q->used = used;
	q->memory = memory;
	q->event_idx = features & VQ_F_EVENT_IDX;
	q->indirect = features & VQ_F_INDIRECT;
	q->next_avail = q->next_used = q->signalled = 0;
	q->signalled_valid = false;
	q->size = (uint16_t)n;
	return 0;
}

void virtqueue_stop(struct virtqueue *q)
{
	*q = (struct virtqueue){ .size_max = q->size_max };
}

/* struct vring_desc wherever it lies: only the queue's own table is aligned. */
struct raw_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
} __attribute__((packed));
_Static_assert(sizeof(struct raw_desc) == DESC_BYTES, "a descriptor's size");

/* A descriptor, copied: the guest can't change it any more. */
static struct vring_desc read_desc(const volatile uint8_t *table, uint32_t i)
{
	const volatile struct raw_desc *d =
		(const volatile struct raw_desc *)(const volatile void *)(table +
			(size_t)i * DESC_BYTES);

	return (struct vring_desc){
		.addr = d->addr, .len = d->len, .flags = d->flags, .next = d->next
	};
}

static int add_segment(
	const struct virtqueue *q, struct vq_chain *c, const struct vring_desc *d)
{
	bool in = d->flags & VRING_DESC_F_WRITE;
	unsigned n = c->out_n + c->in_n;
	void *at;

	/* readable before writable, section 2.7.4.2 */
	if (!in && c->in_n)
		return -EPROTO;
	if (d->len == 0)
		return 0;
	at = memory_span(q->memory, d->addr, d->len);
	if (!at || n >= VQ_SEGMENTS_MAX || c->out_len + c->in_len + d->len > UINT32_MAX)
		return -EPROTO;
	c->seg[n] = (struct iovec){ .iov_base = at, .iov_len = d->len };
	*(in ? &c->in_n : &c->out_n) += 1;
	*(in ? &c->in_len : &c->out_len) += d->len;
	return 0;
}

/* A table of 'n' descriptors from 'i' on. Where 'indirect' is given, a descriptor that points
 * to another table may end it and goes there. */
static int walk(const struct virtqueue *q, struct vq_chain *c,
	const volatile uint8_t *table, uint32_t n, struct vring_desc *indirect)
{
	uint32_t i = indirect ? c->head : 0;

	for (uint32_t seen = 0; seen < n; seen++) {
		struct vring_desc d = read_desc(table, i);
		int r;

		if (d.flags & VRING_DESC_F_INDIRECT) {
			/* not within another, not with more behind it: 2.7.5.3.1 */
			if (!indirect || !q->indirect || d.flags & VRING_DESC_F_NEXT)
				return -EPROTO;
			*indirect = d;
			return 1;
		}
		r = add_segment(q, c, &d);
		if (r < 0)
			return r;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		if (d.next >= n)
			return -EPROTO;
		i = d.next;
	}
	return -EPROTO; /* a circle */
}

int virtqueue_pop(struct virtqueue *q, struct vq_chain *c)
{
	struct vring_desc d;
	uint16_t waiting, head;
	const void *table;
	int r;

	if (!virtqueue_live(q))
		return 0;
	waiting = (uint16_t)(get16(q->avail + AVAIL_IDX) - q->next_avail);
	if (waiting == 0)
		return 0;
	if (waiting > q->size)
		return -EPROTO;
	/* what the index covers was written before it */
	atomic_thread_fence(memory_order_acquire);
	head = get16(q->avail + AVAIL_RING + 2U * (q->next_avail & (q->size - 1U)));
	if (head >= q->size)
		return -EPROTO;
	c->head = head;
	c->out_n = c->in_n = 0;
	c->out_len = c->in_len = 0;
	r = walk(q, c, q->desc, q->size, &d);
	if (r == 1) {
		table = memory_span(q->memory, d.addr, d.len);
		if (!table || d.len == 0 || d.len % DESC_BYTES ||
			d.len / DESC_BYTES > VQ_SEGMENTS_MAX)
			return -EPROTO;
		r = walk(q, c, table, d.len / DESC_BYTES, NULL);
	}
	if (r < 0)
		return r;
	q->next_avail++;
	return 1;
}

void virtqueue_unpop(struct virtqueue *q)
{
	q->next_avail--;
}

void virtqueue_unpop_n(struct virtqueue *q, uint16_t n)
{
	q->next_avail = (uint16_t)(q->next_avail - n);
}

void virtqueue_fill(struct virtqueue *q, uint16_t ahead, uint16_t head, uint32_t written)
{
	uint16_t slot = (uint16_t)(q->next_used + ahead);
	volatile uint8_t *elem;

	if (!virtqueue_live(q))
		return;
	elem = q->used + USED_RING + (size_t)USED_ELEM_BYTES * (slot & (q->size - 1U));
	put32(elem, head);
	put32(elem + 4, written);
}

void virtqueue_flush(struct virtqueue *q, uint16_t n)
{
	if (!virtqueue_live(q) || n == 0)
		return;
	atomic_thread_fence(memory_order_release);
	q->next_used = (uint16_t)(q->next_used + n);
	put16(q->used + USED_IDX, q->next_used);
}

void virtqueue_push(struct virtqueue *q, uint16_t head, uint32_t written)
{
	virtqueue_fill(q, 0, head, written);
	virtqueue_flush(q, 1);
}

bool virtqueue_interrupt_wanted(struct virtqueue *q)
{
	uint16_t new = q->next_used, old = q->signalled, event;
	bool valid = q->signalled_valid;

	if (!virtqueue_live(q) || (valid && new == old))
		return false;
	q->signalled = new;
	q->signalled_valid = true;
	/* the index must be out before the driver's wish is read: sections 2.7.7, 2.7.10 */
	atomic_thread_fence(memory_order_seq_cst);
	if (!q->event_idx)
		return !(get16(q->avail + AVAIL_FLAGS) & VRING_AVAIL_F_NO_INTERRUPT);
	event = get16(q->avail + AVAIL_RING + 2U * q->size);
	return !valid || (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

bool virtqueue_kick_on(struct virtqueue *q)
{
	if (!virtqueue_live(q))
		return false;
	if (q->event_idx)
		put16(q->used + USED_RING + (size_t)USED_ELEM_BYTES * q->size,
			q->next_avail);
	else
		put16(q->used + USED_FLAGS, 0);
	/* the wish must be out before the index is looked at once more */
	atomic_thread_fence(memory_order_seq_cst);
	return get16(q->avail + AVAIL_IDX) != q->next_avail;
}

void virtqueue_kick_off(struct virtqueue *q)
{
	/* with an event index it lies behind already */
	if (virtqueue_live(q) && !q->event_idx)
		put16(q->used + USED_FLAGS, VRING_USED_F_NO_NOTIFY);
}

int virtqueue_save(const struct virtqueue *q, struct buf *to)
{
	const struct virtqueue_config *c = &q->config;

	if (state_put32(to, c->size) < 0 || state_put32(to, c->ready) < 0 ||
		state_put64(to, c->desc) < 0 || state_put64(to, c->driver) < 0 ||
		state_put64(to, c->device) < 0 || state_put8(to, virtqueue_live(q)) < 0 ||
		state_put16(to, q->next_avail) < 0 || state_put16(to, q->next_used) < 0 ||
		state_put16(to, q->signalled) < 0 ||
		state_put8(to, q->signalled_valid) < 0)
		return -ENOMEM;
	return 0;
}

int virtqueue_restore(struct virtqueue *q, const struct guest_memory *memory,
	uint64_t features, struct span *from)
{
	struct virtqueue_config *c = &q->config;
	uint16_t next_avail, next_used, signalled;
	uint8_t live, valid;
	int r;

	virtqueue_stop(q);
	if (state_get32(from, &c->size) < 0 || state_get32(from, &c->ready) < 0 ||
		state_get64(from, &c->desc) < 0 || state_get64(from, &c->driver) < 0 ||
		state_get64(from, &c->device) < 0 || state_get8(from, &live) < 0 ||
		state_get16(from, &next_avail) < 0 || state_get16(from, &next_used) < 0 ||
		state_get16(from, &signalled) < 0 || state_get8(from, &valid) < 0)
		return -EBADMSG;
	if (!live)
		return 0;
	r = virtqueue_start(q, memory, features);
	if (r < 0)
		return r;
	q->next_avail = next_avail;
	q->next_used = next_used;
	q->signalled = signalled;
	q->signalled_valid = valid;
	return 0;
}
