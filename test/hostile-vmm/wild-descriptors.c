/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that lead outside of memory, wrap around, go in circles or into each other, on
 * every queue of every device. Each such device stops until it is reset, or passes the request
 * over; afterwards it works.
 */
#include "guest/virtio.h"

static struct device d[SLOTS];

static void wild(struct queue *q)
{
	unsigned n = below(q->size) + 1, flags;

	for (unsigned i = 0; i < q->size; i++) {
		flags = (below(3) ? F_NEXT : 0) | (below(3) ? 0 : F_WRITE) | (below(6) ? 0 : F_INDIRECT);
		describe_wild(q, i, flags, below(8) ? (i + 1) % n : odd());
	}
	/* one that points to this very table, to its end, and to nowhere */
	if (!below(4))
		describe(q, 0, (uint32_t)q->desc, 16 * q->size, F_INDIRECT | below(8), 0);
	if (!below(8))
		describe(q, 0, RAM - 16, 32, F_INDIRECT, 0);
	post(q, below(8) ? below(q->size) : odd());
	if (!below(8))
		q->avail[1] += (uint16_t)odd();
	kick(q);
}

void main(void)
{
	uint32_t broken = 0;

	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (!is_device(slot))
			continue;
		for (unsigned turn = 0; turn < 60; turn++) {
			set_up(&d[slot], slot, below(2) ? 0xffffffff : 0);
			for (unsigned i = 0; i < 4 && !is_broken(&d[slot]); i++)
				wild(&d[slot].q[below(d[slot].queues)]);
			broken += is_broken(&d[slot]);
		}
		*reg(slot, STATUS) = 0;
	}
	say("broken ");
	say_number(broken);
	say("\n");
	expect(broken > 60);
	still_served();
}
