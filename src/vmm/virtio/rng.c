/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/rng.h"

#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define ID            4
#define QUEUE_SIZE    16
#define STATE_VERSION 1

struct rng {
	struct virtio_device d;
	struct vq_chain chain;
	struct iovec iov[VQ_SEGMENTS_MAX];
};

static struct rng *rng_of(struct virtio_device *d)
{
	return (struct rng *)(void *)d;
}

/* Straight into the guest's memory. Returns how many bytes. */
static uint32_t fill(struct rng *g)
{
	unsigned k = chain_in_iov(&g->chain, 0, RNG_REQUEST_MAX, g->iov);
	uint32_t sum = 0;

	for (unsigned i = 0; i < k; i++) {
		uint8_t *at = g->iov[i].iov_base;
		size_t left = g->iov[i].iov_len;

		while (left) {
			ssize_t r = getrandom(at, left, GRND_NONBLOCK);

			if (r < 0 && errno == EINTR)
				continue;
			if (r <= 0)
				return sum;
			at += r;
			left -= (size_t)r;
			sum += (uint32_t)r;
		}
	}
	return sum;
}

static void rng_notify(struct virtio_device *d, unsigned queue)
{
	struct rng *g = rng_of(d);
	struct virtqueue *q = &d->queues[queue];
	unsigned n;

	for (n = 0; n < q->size; n++) {
		int r = virtqueue_pop(q, &g->chain);

		if (r < 0) {
			virtio_broken(d);
			return;
		}
		if (r == 0 && !virtqueue_kick_on(q))
			break;
		if (r == 0)
			continue;
		virtqueue_push(q, g->chain.head, fill(g));
	}
	if (n == q->size)
		virtio_notify_later(d, queue);
	virtio_interrupt(d, queue);
}

static int rng_activate(struct virtio_device *d)
{
	(void)d;
	return 0;
}

static void rng_reset(struct virtio_device *d)
{
	(void)d;
}

static int rng_save(struct virtio_device *d, struct buf *to)
{
	(void)d;
	return state_put8(to, STATE_VERSION);
}

static int rng_restore(struct virtio_device *d, struct span *from)
{
	uint8_t version;

	(void)d;
	return state_get8(from, &version) < 0 || version != STATE_VERSION ? -EBADMSG : 0;
}

static const struct virtio_ops ops = {
	.name = "rng",
	.id = ID,
	.queues = 1,
	.queue_size = QUEUE_SIZE,
	.activate = rng_activate,
	.reset = rng_reset,
	.notify = rng_notify,
	.save = rng_save,
	.restore = rng_restore,
	.free = rng_free,
};

struct virtio_device *rng_new(struct err *e)
{
	struct rng *g = calloc(1, sizeof(*g));

	if (!g || virtio_device_init(&g->d, &ops) < 0) {
		free(g);
		(void)err_set(e, ENOMEM, "rng: out of memory");
		return NULL;
	}
	g->d.main_only = true; /* getrandom(2) */
	return &g->d;
}

void rng_free(struct virtio_device *d)
{
	if (!d)
		return;
	virtio_device_clear(d);
	free(rng_of(d));
}
