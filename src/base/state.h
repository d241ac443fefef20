/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - numbers into a stream of bytes and out of it again: what a device saves.
 *
 * Little-endian, no padding, no names: who writes a stream puts a version at its front, who
 * reads it refuses one that it doesn't know. A stream may come from a file that somebody
 * made: every read is bounded, and what was read is checked like a guest's words.
 */
#ifndef BRIG_BASE_STATE_H
#define BRIG_BASE_STATE_H

#include "base/buf.h"

/* What is left to be read. */
struct span {
	const uint8_t *at;
	size_t left;
};

/* 0 or -ENOMEM, -EMSGSIZE */
int state_put8(struct buf *to, uint8_t v);
int state_put16(struct buf *to, uint16_t v);
int state_put32(struct buf *to, uint32_t v);
int state_put64(struct buf *to, uint64_t v);
int state_put_bytes(struct buf *to, const void *from, size_t n); /* no length with them */

/* 0 or -EBADMSG where less is left; '*ret' is then 0 */
int state_get8(struct span *from, uint8_t *ret);
int state_get16(struct span *from, uint16_t *ret);
int state_get32(struct span *from, uint32_t *ret);
int state_get64(struct span *from, uint64_t *ret);
int state_get_bytes(struct span *from, void *to, size_t n);

#endif
