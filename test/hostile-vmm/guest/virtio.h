/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio.h - the driver's side of virtio-mmio devices with split queues (virtio 1.3, 4.2 and
 * 2.7), which keeps to the rules as far as its caller does. All RAM is mapped one to one.
 */
#ifndef HOSTILE_VMM_VIRTIO_H
#define HOSTILE_VMM_VIRTIO_H

#include "guest.h"

static inline volatile uint32_t *reg(unsigned slot, unsigned off)
{
	return (volatile uint32_t *)(MMIO + slot * 4096 + off);
}

enum {
	DEVICE_ID = 0x08,
	DRIVER_FEATURES = 0x20,
	DRIVER_FEATURES_SEL = 0x24,
	QUEUE_SEL = 0x30,
	QUEUE_NUM_MAX = 0x34,
	QUEUE_NUM = 0x38,
	QUEUE_READY = 0x44,
	QUEUE_NOTIFY = 0x50,
	INTERRUPT_STATUS = 0x60,
	INTERRUPT_ACK = 0x64,
	STATUS = 0x70,
	QUEUE_DESC = 0x80,
	QUEUE_DRIVER = 0x90,
	QUEUE_DEVICE = 0xa0,
	CONFIG = 0x100,
};

enum { F_NEXT = 1, F_WRITE = 2, F_INDIRECT = 4 };
enum { NEEDS_RESET = 64, LIVE = 15 };

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct queue {
	unsigned slot, index, size;
	volatile struct desc *desc;
	volatile uint16_t *avail; /* flags, idx, ring */
	volatile uint16_t *used;  /* flags, idx, and pairs of 32 bits from [2] on */
	uint16_t seen;
};

#define QUEUES_MAX 8U

struct device {
	unsigned slot, queues;
	struct queue q[QUEUES_MAX];
};

/* Memory that never comes back, 16-aligned. */
void *take(uint32_t n);

bool is_device(unsigned slot);
unsigned need(uint32_t id); /* the slot of such a device, which has to be there */

/* Reset, agree on those of 'low' (features 0 to 31) that are offered, set up all queues with 16
 * entries at most, DRIVER_OK. Memory is taken at the first time, and used again. */
void set_up(struct device *d, unsigned slot, uint32_t low);
bool is_broken(const struct device *d); /* it needs a reset */

void describe(struct queue *q, unsigned i, uint64_t at, uint32_t len, unsigned flags, unsigned next);
/* One that leads out of RAM, around its end, or into the window. */
void describe_wild(struct queue *q, unsigned i, unsigned flags, unsigned next);
void post(struct queue *q, unsigned head);
void kick(struct queue *q);
/* Something came back, within a time. 'ret_len' may be NULL: what was written. */
bool came(struct queue *q, uint32_t *ret_len);

/* A request of one part to be read and one to be written, in descriptors 0 and 1. */
bool ask(struct queue *q, const void *out, uint32_t out_len, void *in, uint32_t in_len, uint32_t *ret_len);

/* The VMM is there and does what it ought to: bytes of chance come, and not the same. */
void still_served(void);

#endif
