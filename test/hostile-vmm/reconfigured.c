/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live queue's registers are written: its place, size and readiness, other queues, features,
 * the status bit by bit. What was agreed on at DRIVER_OK holds until a reset (virtio 1.3, 4.2.2.2).
 */
#include "guest/virtio.h"

static struct device d, rng;

static void scramble(unsigned slot)
{
	for (unsigned i = 0; i < 30; i++) {
		static const uint8_t at[] = { 0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x64, 0x80, 0x84, 0x90,
			0x94, 0xa0, 0xa4, 0xac, 0xb0, 0xc0 };

		*reg(slot, at[below(sizeof(at))]) = odd();
	}
}

void main(void)
{
	static volatile uint32_t bytes[4];
	uint32_t len = 0;

	/* a live one goes on as it was */
	set_up(&rng, need(ID_RNG), 0xffffffff);
	for (unsigned i = 0; i < 20; i++) {
		scramble(rng.slot);
		expect(*reg(rng.slot, STATUS) == LIVE);
		expect(ask(&rng.q[0], NULL, 0, (void *)bytes, 16, &len) && len == 16);
	}
	/* a bit that is taken back, or one that there isn't, is no bit */
	*reg(rng.slot, STATUS) = 3;
	expect(*reg(rng.slot, STATUS) == LIVE);
	expect(ask(&rng.q[0], NULL, 0, (void *)bytes, 16, &len) && len == 16);
	*reg(rng.slot, STATUS) = 0;
	expect(*reg(rng.slot, STATUS) == 0);
	/* any order of everything */
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (!is_device(slot))
			continue;
		for (unsigned turn = 0; turn < 50; turn++) {
			if (below(2))
				set_up(&d, slot, odd());
			scramble(slot);
			*reg(slot, QUEUE_NOTIFY) = odd();
			*reg(slot, STATUS) = below(2) ? odd() : 1U << below(9);
			*reg(slot, QUEUE_NOTIFY) = below(8);
			/* never live without features, never with some that weren't offered */
			expect(!(*reg(slot, STATUS) & 4) || *reg(slot, STATUS) & 8);
		}
		*reg(slot, STATUS) = 0;
	}
	still_served();
}
