/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testing.h - the driver's side of a virtio device, for unit tests and fuzzers.
 *
 *	struct testing t;
 *
 *	testing_begin(&t, rng_new(...), 1 << 20);
 *	testing_start(&t, ~0ULL);
 *	uint64_t at = testing_alloc(&t, 64, 1);
 *	head = testing_add(&t, 0, (struct testing_seg[]){ { at, 64, true } }, 1);
 *	testing_kick(&t, 0);
 *	expect(testing_used(&t, 0, &head, &len));
 *	testing_end(&t);
 *
 * Memory is a mapping of its own between pages that can't be touched. What fails in the
 * harness itself aborts. Nothing of it is in brig-vmm.
 */
#ifndef BRIG_VMM_VIRTIO_TESTING_H
#define BRIG_VMM_VIRTIO_TESTING_H

#include "vmm/virtio/transport.h"

struct testing_queue {
	uint16_t size;
	uint64_t desc, avail, used;
	uint16_t next_desc; /* taken round and round: not more than 'size' in flight */
	uint16_t avail_idx; /* the driver's: free-running */
	uint16_t used_seen;
};

struct testing {
	struct guest_memory memory;
	struct virtio_device *device;
	uint64_t heap; /* next free address */
	struct testing_queue queue[VIRTIO_QUEUES_MAX];
	/* what the device did */
	unsigned interrupts, config_interrupts;
	int watched_fd;   /* -1: none */
	uint32_t watched; /* events */
	uint32_t later;   /* for virtio_do_later() */
};

struct testing_seg {
	uint64_t at;
	uint32_t len;
	bool in; /* the device writes */
};

#define TESTING_SIZE \
	64 /* entries of a queue that testing_start() makes, if it may have them */

/* Attach the device, which becomes the harness's, to 'bytes' of zeroed memory. */
void testing_begin(struct testing *t, struct virtio_device *d, uint64_t bytes);
void testing_end(struct testing *t); /* reset and ops->free */

/* Reset, agree on those of 'features' that are offered, set up all queues, DRIVER_OK. True:
 * the device is live. */
bool testing_start(struct testing *t, uint64_t features);
void testing_reset(struct testing *t);

uint64_t testing_alloc(struct testing *t, uint64_t len, uint64_t align);
void *testing_at(struct testing *t, uint64_t at, uint64_t len); /* NULL outside of RAM */

/* Make a chain available; returns its head. 'indirect': by a table of its own. */
uint16_t testing_add(
	struct testing *t, unsigned queue, const struct testing_seg *seg, unsigned n);
uint16_t testing_add_indirect(
	struct testing *t, unsigned queue, const struct testing_seg *seg, unsigned n);

/* Kick as the transport would, then do what was put off: testing_do_later(), as the main thread
 * would. */
void testing_kick(struct testing *t, unsigned queue);
void testing_do_later(struct testing *t);

/* As the main thread would: if the descriptor is ready, call 'ready'. True: it was. */
bool testing_poll(struct testing *t, int timeout_ms);

/* The next used entry. */
bool testing_used(struct testing *t, unsigned queue, uint16_t *head, uint32_t *written);

/* Save into bytes, and restore into another device, which takes over memory and queues.
 * 't' has that one afterwards; the old one is freed. 0 or -errno. */
int testing_move(struct testing *t, struct virtio_device *to);

/*
 * A fuzzer's input as a driver's doings: the first bytes choose features and a start, the
 * others write memory, rings, configuration, kick, let the main thread work, reset, start
 * again. Whatever a hostile driver can do by way of memory and registers can come out of it.
 * The device becomes the harness's and is freed. 'again' makes a second one for save and
 * restore; NULL: that is left out.
 */
void testing_fuzz(struct virtio_device *d, struct virtio_device *(*again)(void),
	const uint8_t *data, size_t len);

#endif
