/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-mask.h - takes secrets out of what an upstream server sends back.
 *
 * Whatever a server repeats of a secret that went to it is replaced by as many '*' before
 * the sandbox sees it, wherever the pieces it comes in are cut. Only bytes that may be the
 * beginning of a secret wait for what follows; all others go on at once, so that a stream
 * of events is not held up.
 *
 * It finds a secret as it is, percent-encoded, and inside of the Basic credentials that it
 * was sent in. A server that is granted a secret and encodes it in a way of its own is
 * beyond it.
 */
#ifndef BRIG_GATE_INJECT_MASK_H
#define BRIG_GATE_INJECT_MASK_H

#include "base/buf.h"

#include <stdbool.h>

#define INJECT_MASK_MIN      8U     /* shorter secrets would mask half of every page */
#define INJECT_MASK_LEN_MAX  32768U /* bytes of one pattern */
#define INJECT_MASK_PATTERNS 64U

struct inject_mask;

/* NULL without memory. */
struct inject_mask *inject_mask_new(void);

/* Wipes the patterns and what is held back. NULL is fine. */
void inject_mask_free(struct inject_mask *m);

/* One more run of bytes to look for; too short ones are left out. 0, -ENOMEM, -E2BIG. */
int inject_mask_add(struct inject_mask *m, const char *text, size_t len);

/* Is there anything to look for? */
bool inject_mask_active(const struct inject_mask *m);

/* Append to 'out' what may go on now. */
int inject_mask_feed(
	struct inject_mask *m, const void *data, size_t len, struct buf *out);

/* Bytes that wait for what follows. */
size_t inject_mask_held(const struct inject_mask *m);

/* The stream has ended, or has been still for too long to wait on: append what was held
 * back. Ready for another stream. */
int inject_mask_end(struct inject_mask *m, struct buf *out);

/* A whole text, in place; between streams only. */
void inject_mask_text(struct inject_mask *m, char *text);

#endif
