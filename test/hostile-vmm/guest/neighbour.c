/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No attack but the machine beside one: it says so each time that all of its memory is as it left
 * it, and that its devices serve it.
 */
#include "virtio.h"

#define WORDS (1U << 16)

void main(void)
{
	volatile uint32_t *mine = take(4 * WORDS);

	for (uint32_t i = 0; i < WORDS; i++)
		mine[i] = i * 2654435761U;
	for (;;) {
		for (uint32_t i = 0; i < WORDS; i++)
			expect(mine[i] == i * 2654435761U);
		still_served();
		say("well\n");
	}
}
