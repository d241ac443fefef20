/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtqueue.h - the device's side of a split virtqueue (virtio 1.3, section 2.7).
 *
 * The rings lie in the guest's memory and are taken as hostile. The transport fills in what
 * the driver asked for (struct virtqueue_config) while the driver may still change it;
 * virtqueue_start() checks it once and latches host addresses; nothing the driver writes
 * later moves them. Every number in a ring is read once. A driver that breaks the rules gets
 * -EPROTO, and the device calls virtio_broken().
 *
 * One queue is used under its device's lock. A handler's loop, which never turns more often
 * than the guest gives it work, and not for ever either:
 *
 *	for (unsigned n = 0; n < q->size; n++) {
 *		r = virtqueue_pop(q, &c);
 *		if (r < 0) { virtio_broken(d); return; }
 *		if (r == 0 && !virtqueue_kick_on(q)) break;
 *		if (r == 0) continue;
 *		... chain_read, chain_write ...
 *		virtqueue_push(q, c.head, written);
 *	}
 *	virtio_interrupt(d, queue);
 *
 * After q->size requests in one go: virtio_notify_later(d, queue) of device.h.
 */
#ifndef BRIG_VMM_VIRTIO_VIRTQUEUE_H
#define BRIG_VMM_VIRTIO_VIRTQUEUE_H

#include "base/state.h"
#include "vmm/memory.h"
#include "vmm/virtio/chain.h"

#include <stdbool.h>

#define VQ_SIZE_MAX 1024 /* what a device may offer; virtio allows 32768 */

/* VIRTIO_F_* of section 6 as bits of the feature word */
#define VQ_F_INDIRECT  (1ULL << 28)
#define VQ_F_EVENT_IDX (1ULL << 29)
#define VQ_F_VERSION_1 (1ULL << 32)
#define VQ_FEATURES    (VQ_F_INDIRECT | VQ_F_EVENT_IDX | VQ_F_VERSION_1)

/* as the driver wrote it, unchecked */
struct virtqueue_config {
	uint32_t size;
	uint32_t ready;
	uint64_t desc, driver, device; /* guest addresses of the three parts */
};

struct virtqueue {
	uint16_t size_max;
	struct virtqueue_config config;
	/* latched; 'size' is 0 while the queue isn't live */
	uint16_t size;
	bool event_idx, indirect;
	const struct guest_memory *memory;
	volatile uint8_t *desc, *avail, *used;
	/* progress */
	uint16_t next_avail, next_used; /* free-running */
	uint16_t signalled;             /* next_used when the driver was last told */
	bool signalled_valid;
};

/*
 * Check the configuration and go live. 0, or -EINVAL: a size that is no power of two or too
 * large, a part that is misaligned or not RAM. A queue that the driver left unready is fine
 * and stays dead: pop finds nothing on it.
 */
int virtqueue_start(
	struct virtqueue *q, const struct guest_memory *memory, uint64_t features);
void virtqueue_stop(struct virtqueue *q); /* and forget the configuration */

static inline bool virtqueue_live(const struct virtqueue *q)
{
	return q->size != 0;
}

/* The next request: 1, 0 when there is none, -EPROTO when the driver broke the rules. */
int virtqueue_pop(struct virtqueue *q, struct vq_chain *c);

/* Give the request popped last back, before any other call on the queue. */
void virtqueue_unpop(struct virtqueue *q);

/* Return a request of which 'written' bytes were written. Order is free. The used index is
 * published at once; for one packet in several buffers (mergeable) see the two below. */
void virtqueue_push(struct virtqueue *q, uint16_t head, uint32_t written);

/* Fill the used entry that is 'ahead' of the next one, unseen; then publish 'n' of them. */
void virtqueue_fill(struct virtqueue *q, uint16_t ahead, uint16_t head, uint32_t written);
void virtqueue_flush(struct virtqueue *q, uint16_t n);

/* Give the last 'n' popped requests back that were not returned. */
void virtqueue_unpop_n(struct virtqueue *q, uint16_t n);

/* After pushes: does the driver want to be told? Counts as told. */
bool virtqueue_interrupt_wanted(struct virtqueue *q);

/* Ask the driver to kick at its next request. True: there is one already. */
bool virtqueue_kick_on(struct virtqueue *q);
void virtqueue_kick_off(
	struct virtqueue *q); /* a hint: the driver may kick all the same */

/* Configuration and progress. A restored queue is latched anew: 0, -EBADMSG, -EINVAL. */
int virtqueue_save(const struct virtqueue *q, struct buf *to);
int virtqueue_restore(struct virtqueue *q, const struct guest_memory *memory,
	uint64_t features, struct span *from);

#endif
