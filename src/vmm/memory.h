/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - the guest's memory, and the only way to it from a guest address.
 *
 * One file in memory holds it all, so that a snapshot is that file and a copy of the machine
 * maps it. Guest-physical addresses: RAM from 0 to MEMORY_LOW_END, devices from there to
 * 4 GiB, the rest of the RAM from 4 GiB on. Host addresses have no such hole.
 *
 * The guest writes this memory at any time, also while a device looks at it: what decides
 * something is read once, into a variable of one's own, and checked there. Nothing in guest
 * memory is a host's pointer, and no pointer into it outlives struct guest_memory.
 */
#ifndef BRIG_VMM_MEMORY_H
#define BRIG_VMM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct err;

#define MEMORY_LOW_END    (3ULL << 30)
#define MEMORY_HIGH_BEGIN (4ULL << 30)
#define MEMORY_MIN        (16ULL << 20)
#define MEMORY_MAX        (1ULL << 40)

struct guest_memory {
	uint8_t *host; /* 'size' bytes, readable and writable */
	uint64_t size;
	int fd; /* the memfd behind it, -1 for none */
};

/* Make 'size' bytes of memory (a multiple of 4096), which takes nothing of the host's until
 * it is touched. */
int memory_make(struct guest_memory *m, uint64_t size, struct err *e);
void memory_clear(struct guest_memory *m);

/* How much of it is below the devices, and how much above. */
uint64_t memory_low_size(const struct guest_memory *m);
uint64_t memory_high_size(const struct guest_memory *m);

/*
 * The host's address of 'len' bytes from guest address 'at', or NULL unless all of them are
 * RAM and adjacent. Of 0 bytes: not NULL where 'at' is in RAM.
 *
 * Mustn't:  be fooled by at + len passing 2^64.
 */
void *memory_span(const struct guest_memory *m, uint64_t at, uint64_t len);

/* Copy into the guest's memory, and out of it. 0, or -EFAULT with nothing copied. */
int memory_copy_in(
	const struct guest_memory *m, uint64_t at, const void *from, size_t len);
int memory_copy_out(const struct guest_memory *m, uint64_t at, void *to, size_t len);

#endif
