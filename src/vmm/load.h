/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - a kernel and what it is told, into a guest's new memory.
 *
 * Two sorts of kernels: ELF for x86-64 with a note that names its PVH entry (Xen's
 * docs/misc/pvh.pandoc), and bzImage (Documentation/arch/x86/boot.rst) by its 32-bit entry.
 * Both begin in 32-bit protected mode without paging, with the address of a structure in a
 * register; no firmware comes before. An image is foreign bytes: it may spoil its own guest
 * and nothing else, and never makes the loader read or write outside of the guest's memory,
 * or take long.
 */
#ifndef BRIG_VMM_LOAD_H
#define BRIG_VMM_LOAD_H

#include "vmm/memory.h"

/* Where things are, all below 1 MiB. */
#define LOAD_START_INFO  0x6000U /* PVH: with modules and map of memory behind it */
#define LOAD_MODULES     0x6040U
#define LOAD_MEMORY_MAP  0x6100U
#define LOAD_ZERO_PAGE   0x8000U /* bzImage: struct boot_params */
#define LOAD_CMDLINE     0x20000U
#define LOAD_CMDLINE_MAX 2048U    /* with its NUL: COMMAND_LINE_SIZE of x86 */
#define LOAD_TABLES      0x9fc00U /* the last KiB of base memory: mptable.h */
#define LOAD_KERNEL      0x100000U

struct load {
	int kernel, initrd; /* files; initrd may be -1 */
	const char *cmdline;
};

struct load_entry {
	uint32_t eip, ebx, esi;
};

/* -ENOEXEC: no kernel of these sorts; -E2BIG: the memory is too small; others are of the
 * files. */
int load_kernel(const struct load *l, const struct guest_memory *m,
	struct load_entry *ret, struct err *e);

#endif
