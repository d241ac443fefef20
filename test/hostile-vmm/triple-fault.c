/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU that has nowhere to go with an exception, while all devices are live and have requests,
 * and the other CPU goes on kicking.
 * end: reset error
 */
#include "guest/virtio.h"

static struct device d[SLOTS];

static void kick_on(void)
{
	for (;;)
		for (unsigned slot = 0; slot < SLOTS; slot++)
			for (unsigned i = 0; i < d[slot].queues; i++)
				kick(&d[slot].q[i]);
}

void main(void)
{
	static const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) none = { 0, 0 };

	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (!is_device(slot))
			continue;
		set_up(&d[slot], slot, 0xffffffff);
		for (unsigned i = 0; i < d[slot].queues; i++) {
			describe(&d[slot].q[i], 0, RAM - WINDOW, 4096, F_WRITE, 0);
			post(&d[slot].q[i], 0);
			kick(&d[slot].q[i]);
		}
	}
	start_other(kick_on);
	__asm__ volatile("lidt %0; ud2" : : "m"(none));
	fail("it went on");
}
