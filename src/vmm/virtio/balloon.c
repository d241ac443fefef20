/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. The queues beyond the second are numbered by what was agreed on:
 * Linux counts those that exist, the standard counts all (section 5.5.2). What isn't the
 * queue of statistics is the one of reports, whichever number it has.
 *
 * The driver leaves one buffer of statistics with the device, which returns it to ask for
 * new ones; until then it is held.
 */
#include "vmm/virtio/balloon.h"

#include "base/err.h"
#include "base/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ID            5
#define QUEUES        5
#define QUEUE_SIZE    128
#define STATE_VERSION 1
#define PAGE          4096ULL
#define PAGES_MAX     4096U /* of one request to inflate; Linux sends 256 */
#define STAT_BYTES    10U   /* tag and value, packed */
#define STATS_MAX     64U

enum { INFLATE, DEFLATE, STATS };

struct balloon {
	struct virtio_device d;
	struct balloon_stats stats;
	bool held; /* a buffer of statistics */
	uint16_t held_head;
	struct vq_chain chain;
};

static struct balloon *balloon_of(struct virtio_device *d)
{
	return (struct balloon *)(void *)d;
}

/* Give whole pages of the guest's memory back. Returns how many bytes. */
static uint64_t release(struct balloon *b, const uint8_t *at, uint64_t len)
{
	const struct guest_memory *m = b->d.memory;
	uint64_t from = ((uint64_t)(at - m->host) + PAGE - 1) / PAGE * PAGE;
	uint64_t to = ((uint64_t)(at - m->host) + len) / PAGE * PAGE;
	int r;

	/* apart, the file isn't ours to make holes in */
	if (to <= from || m->apart)
		return 0;
	if (m->fd >= 0)
		r = fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)from, (off_t)(to - from));
	else
		r = madvise(m->host + from, to - from, MADV_DONTNEED);
	return r < 0 ? 0 : to - from;
}

/* An array of page numbers: neighbours go together. */
static void inflate(struct balloon *b)
{
	const struct guest_memory *m = b->d.memory;
	uint8_t *from = NULL;
	uint64_t len = 0;

	for (unsigned i = 0; i < PAGES_MAX; i++) {
		uint8_t raw[4], *page;

		if (chain_read(&b->chain, i * 4U, raw, 4) != 4)
			break;
		page = memory_span(m, wire_get32(raw) * PAGE, PAGE);
		if (!page)
			continue; /* not the guest's: nothing to give */
		if (from && page == from + len) {
			len += PAGE;
		} else if (from && page + PAGE == from) {
			from = page;
			len += PAGE;
		} else {
			b->stats.inflated += from ? release(b, from, len) : 0;
			from = page;
			len = PAGE;
		}
	}
	b->stats.inflated += from ? release(b, from, len) : 0;
}

static void report(struct balloon *b)
{
	const struct vq_chain *c = &b->chain;

	for (unsigned i = c->out_n; i < c->out_n + c->in_n; i++)
		b->stats.reported += release(b, c->seg[i].iov_base, c->seg[i].iov_len);
}

static void learn_stats(struct balloon *b)
{
	for (unsigned i = 0; i < STATS_MAX; i++) {
		uint8_t raw[STAT_BYTES];
		uint16_t tag;

		if (chain_read(&b->chain, i * (size_t)STAT_BYTES, raw, STAT_BYTES) !=
			STAT_BYTES)
			return;
		tag = wire_get16(raw);
		if (tag >= BALLOON_STATS)
			continue;
		b->stats.value[tag] = wire_get64(raw + 2);
		b->stats.known |= 1U << tag;
	}
}

static bool is_stats(const struct virtio_device *d, unsigned queue)
{
	return queue == STATS && virtio_has(d, VIRTIO_BALLOON_F_STATS_VQ);
}

/* One request. True: it is returned. */
static bool serve(struct balloon *b, unsigned queue)
{
	if (queue == INFLATE) {
		inflate(b);
	} else if (is_stats(&b->d, queue)) {
		learn_stats(b);
		if (b->held)
			virtqueue_push(&b->d.queues[STATS], b->held_head, 0);
		b->held = true;
		b->held_head = b->chain.head;
		return false;
	} else if (queue != DEFLATE) {
		report(b);
	}
	return true;
}

static void balloon_notify(struct virtio_device *d, unsigned queue)
{
	struct balloon *b = balloon_of(d);
	struct virtqueue *q = &d->queues[queue];
	unsigned n;

	for (n = 0; n < q->size; n++) {
		int r = virtqueue_pop(q, &b->chain);

		if (r < 0) {
			virtio_broken(d);
			return;
		}
		if (r == 0 && !virtqueue_kick_on(q))
			break;
		if (r == 1 && serve(b, queue))
			virtqueue_push(q, b->chain.head, 0);
	}
	if (n == q->size)
		virtio_notify_later(d, queue);
	virtio_interrupt(d, queue);
}

static void balloon_read_config(
	struct virtio_device *d, uint32_t off, void *to, uint32_t n)
{
	const struct balloon *b = balloon_of(d);
	uint8_t config[8];

	wire_put32(config, b->stats.target);
	wire_put32(config + 4, b->stats.actual);
	memcpy(to, config + off, n);
}

static void balloon_write_config(
	struct virtio_device *d, uint32_t off, const void *from, uint32_t n)
{
	if (off == 4 && n == 4) /* 'actual' alone is the driver's */
		balloon_of(d)->stats.actual = wire_get32(from);
}

static int balloon_activate(struct virtio_device *d)
{
	/* Linux gives its first statistics, and kicks, just before DRIVER_OK, where nobody
	 * may look at them (section 3.1.1) */
	virtio_notify_later(d, STATS);
	return 0;
}

static void balloon_reset(struct virtio_device *d)
{
	struct balloon *b = balloon_of(d);

	b->held = false;
	b->stats.actual = 0;
	b->stats.known = 0;
}

static int balloon_save(struct virtio_device *d, struct buf *to)
{
	const struct balloon *b = balloon_of(d);

	if (state_put8(to, STATE_VERSION) < 0 || state_put8(to, b->held) < 0 ||
		state_put16(to, b->held_head) < 0 ||
		state_put32(to, b->stats.target) < 0 ||
		state_put32(to, b->stats.actual) < 0)
		return -ENOMEM;
	return 0;
}

static int balloon_restore(struct virtio_device *d, struct span *from)
{
	struct balloon *b = balloon_of(d);
	uint8_t version, held;

	if (state_get8(from, &version) < 0 || version != STATE_VERSION ||
		state_get8(from, &held) < 0 || state_get16(from, &b->held_head) < 0 ||
		state_get32(from, &b->stats.target) < 0 ||
		state_get32(from, &b->stats.actual) < 0)
		return -EBADMSG;
	if (held && b->held_head >= d->queues[STATS].size)
		return -EBADMSG;
	b->held = held;
	return 0;
}

void balloon_set_target(struct virtio_device *d, uint32_t pages)
{
	(void)pthread_mutex_lock(&d->lock);
	balloon_of(d)->stats.target = pages;
	virtio_config_changed(d);
	(void)pthread_mutex_unlock(&d->lock);
}

bool balloon_ask_stats(struct virtio_device *d)
{
	struct balloon *b = balloon_of(d);
	bool asked = false;

	(void)pthread_mutex_lock(&d->lock);
	if (b->held && !d->broken) {
		asked = true;
		b->held = false;
		virtqueue_push(&d->queues[STATS], b->held_head, 0);
		virtio_interrupt(d, STATS);
	}
	(void)pthread_mutex_unlock(&d->lock);
	return asked;
}

void balloon_get_stats(struct virtio_device *d, struct balloon_stats *ret)
{
	(void)pthread_mutex_lock(&d->lock);
	*ret = balloon_of(d)->stats;
	(void)pthread_mutex_unlock(&d->lock);
}

static const struct virtio_ops ops = {
	.name = "balloon",
	.id = ID,
	.queues = QUEUES,
	.queue_size = QUEUE_SIZE,
	.features = 1ULL << VIRTIO_BALLOON_F_STATS_VQ |
		1ULL << VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
		1ULL << VIRTIO_BALLOON_F_REPORTING,
	.config_size = 8,
	.read_config = balloon_read_config,
	.write_config = balloon_write_config,
	.activate = balloon_activate,
	.reset = balloon_reset,
	.notify = balloon_notify,
	.save = balloon_save,
	.restore = balloon_restore,
	.free = balloon_free,
};

struct virtio_device *balloon_new(struct err *e)
{
	struct balloon *b = calloc(1, sizeof(*b));

	if (!b || virtio_device_init(&b->d, &ops) < 0) {
		free(b);
		(void)err_set(e, ENOMEM, "balloon: out of memory");
		return NULL;
	}
	b->d.main_only = true; /* nobody waits for it */
	return &b->d;
}

void balloon_free(struct virtio_device *d)
{
	if (!d)
		return;
	virtio_device_clear(d);
	free(balloon_of(d));
}
