/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interrupt controller: every sort of entry on every pin, by level and by edge, to CPUs that
 * there are and that there aren't, rewritten while devices raise their lines and another CPU
 * writes the same entries.
 */
#include "guest/virtio.h"

static volatile uint32_t *const io = (volatile uint32_t *)IOAPIC;
static volatile bool over;
static struct device rng;

static void set(unsigned pin, uint32_t low, uint32_t high)
{
	io[0] = 0x11 + 2 * pin;
	io[4] = high;
	io[0] = 0x10 + 2 * pin;
	io[4] = low;
}

/* All sorts but an NMI, which can't be kept away and would end this guest by itself. SMI, INIT and
 * ExtINT would, too, if they had the effect that they mustn't have. */
static uint32_t sort_of(uint32_t low)
{
	return (low >> 8 & 7) == 4 ? low & ~0x700U : low;
}

static void scribble(void)
{
	uint32_t n = 1;

	while (!over) {
		n = n * 1664525 + 1013904223;
		io[0] = n >> 24;
		io[4] = sort_of(n) | 0x10000;
	}
}

void main(void)
{
	static volatile uint32_t bytes[4];
	uint32_t len;

	start_other(scribble);
	set_up(&rng, need(ID_RNG), 0xffffffff);
	for (unsigned turn = 0; turn < 300; turn++) {
		set(below(24), sort_of(any() & ~0x10000U), any());
		set(5 + rng.slot, sort_of((any() & 0xffff) | (turn & 1 ? 0x8000 : 0)), turn & 2 ? 0xff000000 : 0);
		expect(ask(&rng.q[0], NULL, 0, (void *)bytes, 16, &len) && len == 16);
		*reg(rng.slot, INTERRUPT_ACK) = odd();
		/* registers that there aren't */
		io[0] = any();
		io[4] = any();
		io[0x40 / 4] = any();
	}
	over = true;
	/* what an entry keeps is what may be written to it */
	set(3, 0xffffffff, 0xffffffff);
	io[0] = 0x16;
	expect((io[4] & ~0x1afffU) == 0);
	still_served();
}
