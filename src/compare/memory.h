/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - the memory of processes and of all that they started.
 */
#ifndef BRIG_COMPARE_MEMORY_H
#define BRIG_COMPARE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * KiB of these and of all their descendants: the proportional set size (proc(5),
 * smaps_rollup), in which a page that several processes share counts in parts. Where that
 * can't be read, the resident set, which counts it in each: then '*at_most' is set.
 * 0 when none of them is there.
 */
double memory_of(const pid_t *roots, size_t n, bool *at_most);

#endif
