/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - what time it is, for deadlines and for people.
 */
#ifndef BRIG_BASE_CLOCK_H
#define BRIG_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_MS  1000000ULL
#define NS_PER_SEC 1000000000ULL

uint64_t clock_mono_ns(void); /* CLOCK_MONOTONIC, for waiting */
uint64_t clock_real_ns(void); /* CLOCK_REALTIME, for records */

/* "2026-01-31T12:00:00.123456789Z" (RFC 3339, UTC). */
#define CLOCK_TEXT_MAX 40
const char *clock_text(uint64_t real_ns, char out[CLOCK_TEXT_MAX]);

/* "5 seconds ago", "3 hours ago". */
const char *clock_ago(uint64_t real_ns, uint64_t now_ns, char out[CLOCK_TEXT_MAX]);

#endif
