/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: perf_event_open(), of itself and of the whole machine.
 * Gain: timing of everything for side channels; a wide piece of kernel code.
 * Expect: chroot=any nspawn=any container=stops
 * Layer: filter of system calls
 *
 * For the weaker walls it hangs on the host's kernel.perf_event_paranoid and hardware.
 */
#include "hostile.h"

#include <linux/perf_event.h>

int main(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.exclude_kernel = 1 };

	if (syscall(SYS_perf_event_open, &a, -1, 0, -1, 0UL) >= 0)
		escaped("measures the whole machine");
	if (syscall(SYS_perf_event_open, &a, 0, -1, -1, 0UL) >= 0)
		escaped("perf_event_open() can be had");
	failed("perf_event_open");
}
