/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every register of every slot and of the interrupt controller, and what lies between and behind
 * them: 1, 2, 4 and 8 bytes wide, aligned or not, over the ends of pages, by string instructions.
 */
#include "guest/virtio.h"

static void touch(uint32_t at, unsigned how)
{
	uint64_t eight = 0;

	switch (how % 8) {
	case 0: *(volatile uint8_t *)at = (uint8_t)any(); break;
	case 1: *(volatile uint16_t *)at = (uint16_t)any(); break;
	case 2: *(volatile uint32_t *)at = odd(); break;
	case 3: (void)*(volatile uint8_t *)at; break;
	case 4: (void)*(volatile uint16_t *)at; break;
	case 5: (void)*(volatile uint32_t *)at; break;
	case 6: __asm__ volatile("rep stosl" : : "D"(at), "c"(4), "a"(any()) : "memory"); break;
	default: __asm__ volatile("rep movsb" : : "S"(at), "D"(&eight), "c"(8) : "memory"); break;
	}
}

void main(void)
{
	for (unsigned slot = 0; slot <= SLOTS; slot++) {
		for (unsigned off = 0; off < 0x140; off++)
			touch(MMIO + slot * 4096 + off, any());
		for (unsigned i = 0; i < 200; i++)
			touch(MMIO + slot * 4096 + below(4096 - 16), any());
		for (unsigned how = 0; how < 8; how++)
			touch(MMIO + slot * 4096 + 4096 - 1 - below(8), how);
		if (is_device(slot) && slot < SLOTS)
			*reg(slot, STATUS) = 0;
	}
	for (unsigned off = 0; off < 0x60; off++)
		touch(IOAPIC + off, any());
	for (unsigned i = 0; i < 400; i++)
		touch(IOAPIC + below(4096 - 16), any());
	/* nobody's, to the end of the gap */
	for (unsigned i = 0; i < 400; i++)
		touch(0xd0100000 + (any() & 0x0fffffff), any());
	still_served();
}
