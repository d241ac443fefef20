/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mptable.h - which CPUs and interrupt lines there are, told to a kernel without ACPI by the
 * MultiProcessor Specification, version 1.4, chapter 4.
 */
#ifndef BRIG_VMM_MPTABLE_H
#define BRIG_VMM_MPTABLE_H

#include "vmm/memory.h"

#define MPTABLE_BYTES    1024U /* at most, for MPTABLE_CPUS_MAX CPUs */
#define MPTABLE_CPUS_MAX 32U

/* Write it to guest address 'at', where a kernel looks for it: the last KiB of base memory.
 * CPU n has APIC number n. 0 or -EFAULT, -E2BIG. */
int mptable_write(const struct guest_memory *m, uint64_t at, unsigned cpus);

#endif
