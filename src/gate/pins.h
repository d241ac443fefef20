/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pins.h - which names the sandbox was told an address belongs to, and until when.
 *
 * The table is a region of shared memory of a fixed size, made by the keeper, so that a
 * gate that is started again knows what its predecessor answered. Nothing in it is a
 * pointer; what it says is checked on reading as if a stranger had written it. Full, it
 * forgets what expires first.
 */
#ifndef BRIG_GATE_PINS_H
#define BRIG_GATE_PINS_H

#include "gate/policy/address.h"
#include "gate/policy/name.h"

#define PINS_ENTRIES 4096U
#define PINS_GRACE_S 90U /* how long after its TTL an answer may still be used */

struct pins;

size_t pins_size(void); /* bytes of the region */

/* Use the region open at 'fd' (zeroes at first). NULL fd (-1): private memory. */
int pins_open(int fd, struct pins **ret);
void pins_free(struct pins *p);

/* Remember an answer; 'now' in seconds of CLOCK_BOOTTIME. */
void pins_add(struct pins *p, const struct address *a, const char *name, uint32_t ttl_s,
	uint64_t now);

/* Call 'each' for the names that 'a' was an answer for, until it returns true; returns that. */
bool pins_names(const struct pins *p, const struct address *a, uint64_t now,
	bool (*each)(const char *name, void *data), void *data);

/* The addresses that were answers for 'name', at most 'max'. Returns how many. */
size_t pins_addresses(const struct pins *p, const char *name, uint64_t now,
	struct address *ret, size_t max);

#endif
