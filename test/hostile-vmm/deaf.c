/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that never answers anybody: interrupts off on both CPUs, one of them in a loop without
 * an exit, the other in exits without an end. It is paused, stands, goes on, and is killed.
 * host: pause
 */
#include "guest/virtio.h"

static struct device d;

static void exits(void)
{
	for (uint32_t n = 1;; n++) {
		*reg(d.slot, QUEUE_SEL) = n;
		kick(&d.q[0]);
		if (!(n % 256))
			say(".\n");
	}
}

void main(void)
{
	set_up(&d, need(ID_RNG), 0);
	start_other(exits);
	for (;;)
		__asm__ volatile("cli; pause");
}
