/* SPDX-License-Identifier: Apache-2.0 */
/* toy.h - a device for the tests of the transport: it returns what it was given, written over
 * with what it read. */
#ifndef BRIG_VMM_VIRTIO_TOY_H
#define BRIG_VMM_VIRTIO_TOY_H

#include "vmm/virtio/device.h"

#include <stdlib.h>
#include <string.h>

struct toy {
	struct virtio_device d;
	uint8_t config[16];
	unsigned activated, resets;
	struct vq_chain c;
};

static inline void toy_read_config(
	struct virtio_device *d, uint32_t off, void *to, uint32_t n)
{
	memcpy(to, ((struct toy *)d)->config + off, n);
}

static inline void toy_write_config(
	struct virtio_device *d, uint32_t off, const void *from, uint32_t n)
{
	memcpy(((struct toy *)d)->config + off, from, n);
}

static inline int toy_activate(struct virtio_device *d)
{
	((struct toy *)d)->activated++;
	return 0;
}

static inline void toy_reset(struct virtio_device *d)
{
	((struct toy *)d)->resets++;
}

static inline void toy_notify(struct virtio_device *d, unsigned queue)
{
	struct virtqueue *q = &d->queues[queue];
	struct vq_chain *c = &((struct toy *)d)->c;
	uint8_t bytes[256];

	for (unsigned n = 0; n < q->size; n++) {
		int r = virtqueue_pop(q, c);

		if (r < 0) {
			virtio_broken(d);
			return;
		}
		if (r == 0 && !virtqueue_kick_on(q))
			break;
		if (r == 0)
			continue;
		size_t k = chain_read(c, 0, bytes, sizeof(bytes));

		virtqueue_push(q, c->head, (uint32_t)chain_write(c, 0, bytes, k));
	}
	virtio_interrupt(d, queue);
}

static inline int toy_save(struct virtio_device *d, struct buf *to)
{
	return state_put_bytes(to, ((struct toy *)d)->config, 16);
}

static inline int toy_restore(struct virtio_device *d, struct span *from)
{
	return state_get_bytes(from, ((struct toy *)d)->config, 16);
}

static inline void toy_free(struct virtio_device *d)
{
	virtio_device_clear(d);
	free(d);
}

static inline struct virtio_device *toy_new(void)
{
	static const struct virtio_ops ops = { .name = "toy",
		.id = 42,
		.queues = 2,
		.queue_size = 64,
		.features = 1ULL << 3,
		.config_size = 16,
		.read_config = toy_read_config,
		.write_config = toy_write_config,
		.activate = toy_activate,
		.reset = toy_reset,
		.notify = toy_notify,
		.save = toy_save,
		.restore = toy_restore,
		.free = toy_free };
	struct toy *t = calloc(1, sizeof(*t));

	if (!t || virtio_device_init(&t->d, &ops) < 0)
		abort();
	return &t->d;
}

#endif
