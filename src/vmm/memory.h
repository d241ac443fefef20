/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - the guest's memory, and the only way to it from a guest address.
 *
 * One file in memory holds it all, so that a snapshot is that file and copies of the machine
 * map it, each for itself: they share what none of them writes. Guest-physical addresses: RAM from 0 to MEMORY_LOW_END, devices from there to
 * 4 GiB, the rest of the RAM from 4 GiB on. Host addresses have no such hole.
 *
 * The guest writes this memory at any time, also while a device looks at it: what decides
 * something is read once, into a variable of one's own, and checked there. Nothing in guest
 * memory is a host's pointer, and no pointer into it outlives struct guest_memory.
 */
#ifndef BRIG_VMM_MEMORY_H
#define BRIG_VMM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define MEMORY_LOW_END    (3ULL << 30)
#define MEMORY_HIGH_BEGIN (4ULL << 30)
#define MEMORY_MIN        (16ULL << 20)
#define MEMORY_MAX        (1ULL << 40)
#define MEMORY_GUARD      (2ULL << 20) /* before and behind, where nothing can be touched */

struct guest_memory {
	uint8_t *host; /* 'size' bytes, readable and writable; see MEMORY_GUARD */
	uint64_t size;
	int fd;     /* the file behind it, -1 for none */
	bool apart; /* what is written isn't written to the file */
};

/* Make 'size' bytes of memory (a multiple of 4096), which takes nothing of the host's until
 * it is touched. */
int memory_make(struct guest_memory *m, uint64_t size, struct err *e);
void memory_clear(struct guest_memory *m);

/* A file for it, of 'size' bytes, all zero, which can be sealed (fcntl(2), F_ADD_SEALS). */
int memory_file(uint64_t size, struct err *e);

/*
 * The same, of a file: 'apart', it is only read, and then 'fd' may be open for that alone; holes
 * of it take nothing of the host's. The file belongs to the memory, also on failure. It must
 * have that size, keep it, and not change while it is mapped apart.
 */
int memory_open(struct guest_memory *m, int fd, uint64_t size, bool apart, struct err *e);

/*
 * Have what it holds now in a file, which nobody here writes to any more: the one that is behind
 * it, if it isn't apart; then 'to' is not needed. Otherwise 'to', one of memory_file()'s, which
 * stays the caller's: it takes a copy, without pages that are all zero. Either way the guest goes
 * on apart, at the same addresses. Nothing may write to the memory meanwhile.
 *
 * 1: it is the file behind, 0: it is 'to'. -EINVAL: a 'to' is needed. -ENOTRECOVERABLE: the
 * memory is lost, and the guest has to end.
 */
int memory_freeze(struct guest_memory *m, int to, struct err *e);

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
