/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two CPUs, one queue: while one of them hands requests over, the other writes descriptors,
 * tables and indices over as fast as it can. What the VMM has looked at it must not look at
 * again.
 */
#include "guest/virtio.h"

static struct device d;
static volatile uint32_t target; /* the queue that is written over; 0: none */
static volatile uint32_t rewrites;
static volatile bool over;
static volatile struct desc *table;

static void rewrite(void)
{
	uint32_t good = RAM - WINDOW, bad[] = { 0xfffffff0, RAM - 8, MMIO, LAPIC, 0 };
	uint32_t n = 0;

	while (!over) {
		struct queue *q = (struct queue *)target;

		n++;
		if (!q)
			continue;
		q->desc[0].addr = n & 1 ? good : bad[n % 5];
		q->desc[0].len = n & 2 ? 64 : 0x80000000 + n;
		q->desc[0].flags = (uint16_t)(n & 4 ? F_NEXT | (n & 16 ? F_WRITE : 0) : n & 8 ? F_INDIRECT : F_WRITE);
		q->desc[0].next = (uint16_t)(n & 32 ? 1 : n);
		table[n % 4].addr = n & 64 ? good : 0xfffffff8;
		table[n % 4].len = n & 128 ? 16 : 0xfffffff0;
		table[n % 4].flags = (uint16_t)(n & 256 ? F_NEXT : F_WRITE);
		table[n % 4].next = (uint16_t)(n & 512 ? 0 : n);
		if (!(n % 64))
			q->avail[1] = (uint16_t)(n / 64);
		if (!(n % 7))
			q->avail[2 + n % 16] = (uint16_t)(n % 32);
		rewrites++;
	}
}

void main(void)
{
	unsigned broken = 0, before, raced = 0;

	table = take(4 * 16);
	start_other(rewrite);
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (!is_device(slot))
			continue;
		for (unsigned turn = 0; turn < 20; turn++) {
			set_up(&d, slot, 0xffffffff);
			for (unsigned i = 0; i < d.queues; i++) {
				describe(&d.q[i], 1, RAM - WINDOW + 4096, 512, F_WRITE, 0);
				d.q[i].desc[0].addr = (uint32_t)table;
			}
			before = rewrites;
			target = (uint32_t)&d.q[below(d.queues)];
			for (unsigned i = 0; i < 8 || (rewrites - before < 200 && i < 2000); i++) {
				post((struct queue *)target, 0);
				kick((struct queue *)target);
			}
			target = 0;
			broken += is_broken(&d);
			*reg(slot, STATUS) = 0;
			raced += rewrites - before;
		}
	}
	over = true;
	say("broken ");
	say_number(broken);
	say(" rewrites ");
	say_number(raced);
	say("\n");
	expect(broken > 10 && raced > 1000);
	still_served();
}
