/* SPDX-License-Identifier: Apache-2.0 */
/*
 * since.h - when an overlay workspace began to hold what it holds.
 *
 * By this a change of the host's is told from what the sandbox has seen: a file whose
 * ctime is at or after it was changed on both sides. Kept in ws/N/since, beside the
 * layers.
 */
#ifndef BRIG_SANDBOX_SINCE_H
#define BRIG_SANDBOX_SINCE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct sandbox;

/* A session begins: now, for overlay mount 'i', unless it holds something already. */
int since_begin(const struct sandbox *s, size_t i, struct err *e);

/* All it holds has just been applied. */
int since_set(const struct sandbox *s, size_t i, struct err *e);

/* ns of CLOCK_REALTIME; 0 when it is not known. */
uint64_t since_read(const struct sandbox *s, size_t i);

#endif
