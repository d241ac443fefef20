/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio.h"

#define SLOW_TURN 2000000U /* of a loop that waits */

static uint32_t heap = HEAP;

void *take(uint32_t n)
{
	uint32_t at = (heap + 15) & ~15U;

	expect(at + n < RAM - WINDOW);
	heap = at + n;
	return (void *)at;
}

bool is_device(unsigned slot)
{
	return *reg(slot, DEVICE_ID) != 0xffffffff; /* nobody's address */
}

static int find(uint32_t id)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (*reg(i, DEVICE_ID) == id)
			return (int)i;
	return -1;
}

unsigned need(uint32_t id)
{
	int slot = find(id);

	expect(slot >= 0);
	return (unsigned)slot;
}

/* Up to FEATURES_OK: 'low' of the features are the device's, and EVENT_IDX, INDIRECT. */
static void offer(unsigned slot, uint32_t low)
{
	*reg(slot, STATUS) = 0;
	*reg(slot, STATUS) = 1;
	*reg(slot, STATUS) = 3;
	*reg(slot, 0x14) = 0; /* DeviceFeaturesSel */
	low &= *reg(slot, 0x10);
	*reg(slot, DRIVER_FEATURES_SEL) = 0;
	*reg(slot, DRIVER_FEATURES) = low;
	*reg(slot, DRIVER_FEATURES_SEL) = 1;
	*reg(slot, DRIVER_FEATURES) = 1; /* VERSION_1 */
	*reg(slot, STATUS) = 11;
	expect(*reg(slot, STATUS) == 11);
}

static void set_queue(struct queue *q)
{
	*reg(q->slot, QUEUE_SEL) = q->index;
	*reg(q->slot, QUEUE_NUM) = q->size;
	*reg(q->slot, QUEUE_DESC) = (uint32_t)q->desc;
	*reg(q->slot, QUEUE_DESC + 4) = 0;
	*reg(q->slot, QUEUE_DRIVER) = (uint32_t)q->avail;
	*reg(q->slot, QUEUE_DRIVER + 4) = 0;
	*reg(q->slot, QUEUE_DEVICE) = (uint32_t)q->used;
	*reg(q->slot, QUEUE_DEVICE + 4) = 0;
	*reg(q->slot, QUEUE_READY) = 1;
}

void set_up(struct device *d, unsigned slot, uint32_t low)
{
	offer(slot, low);
	d->slot = slot;
	d->queues = 0;
	for (unsigned i = 0; i < QUEUES_MAX; i++) {
		struct queue *q = &d->q[i];
		uint32_t max;

		*reg(slot, QUEUE_SEL) = i;
		max = *reg(slot, QUEUE_NUM_MAX);
		if (!max)
			break;
		q->slot = slot;
		q->index = i;
		q->size = max < 16 ? max : 16;
		if (!q->desc) {
			q->desc = take(16 * 16);
			q->avail = take(2 * (3 + 16));
			q->used = take(8 * 16 + 8);
		}
		memset((void *)q->desc, 0, 16 * 16);
		memset((void *)q->avail, 0, 2 * (3 + 16));
		memset((void *)q->used, 0, 8 * 16 + 8);
		q->seen = 0;
		set_queue(q);
		d->queues++;
	}
	*reg(slot, STATUS) = LIVE;
}

bool is_broken(const struct device *d)
{
	return *reg(d->slot, STATUS) & NEEDS_RESET;
}

void describe(struct queue *q, unsigned i, uint64_t at, uint32_t len, unsigned flags, unsigned next)
{
	q->desc[i].addr = at;
	q->desc[i].len = len;
	q->desc[i].flags = (uint16_t)flags;
	q->desc[i].next = (uint16_t)next;
}

void post(struct queue *q, unsigned head)
{
	q->avail[2 + q->avail[1] % q->size] = (uint16_t)head;
	fence();
	q->avail[1]++;
	fence();
}

void kick(struct queue *q)
{
	*reg(q->slot, QUEUE_NOTIFY) = q->index;
}

bool came(struct queue *q, uint32_t *ret_len)
{
	for (uint32_t n = 0; n < SLOW_TURN && q->used[1] == q->seen; n++)
		fence();
	if (q->used[1] == q->seen)
		return false;
	if (ret_len)
		*ret_len = *(volatile uint32_t *)(q->used + 2 + 4 * (q->seen % q->size) + 2);
	q->seen++;
	return true;
}

/*
 * A descriptor of chance, which leads out of RAM, around its end, or into its last 1 MiB, but
 * nowhere that this program is: a device may well write to where it is told to.
 */
void describe_wild(struct queue *q, unsigned i, unsigned flags, unsigned next)
{
	uint64_t at = (uint64_t)(below(4) ? 0 : odd()) << 32 | odd();
	uint32_t len = odd();

	if (len > WINDOW && len <= RAM)
		len |= 0x80000000;
	if (at < RAM && len <= RAM && at + len <= RAM)
		at = RAM - WINDOW + (at + len) % WINDOW;
	/* the last bytes, and then some */
	if (!below(3)) {
		at = RAM - 1 - below(64);
		len = 65 + below(8192);
	}
	describe(q, i, at, len, flags, next);
}

bool ask(struct queue *q, const void *out, uint32_t out_len, void *in, uint32_t in_len, uint32_t *ret_len)
{
	unsigned n = 0;

	if (out_len)
		describe(q, n++, (uint32_t)out, out_len, in_len ? F_NEXT : 0, 1);
	if (in_len)
		describe(q, n, (uint32_t)in, in_len, F_WRITE, 0);
	post(q, 0);
	kick(q);
	return came(q, ret_len);
}

void still_served(void)
{
	static struct device d;
	static volatile uint32_t bytes[8];
	uint32_t len = 0;

	set_up(&d, need(ID_RNG), 0);
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = 0;
	expect(ask(&d.q[0], NULL, 0, (void *)bytes, sizeof(bytes), &len));
	expect(len == sizeof(bytes));
	expect(bytes[0] != bytes[1] && bytes[2] != bytes[3] && (bytes[4] || bytes[5]));
	*reg(d.slot, STATUS) = 0;
}

