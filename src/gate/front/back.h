/* SPDX-License-Identifier: Apache-2.0 */
/*
 * back.h - the gate's side of exchange.h: one exchange with the injector at a time.
 *
 * A back is one socket while one exchange is on it; what has ended well on both sides goes
 * to a pool, to be used again. The call-backs are never called from within back_open().
 * back_close() may be called from within any of them.
 */
#ifndef BRIG_GATE_BACK_H
#define BRIG_GATE_BACK_H

#include "gate/exchange.h"

struct back;
struct back_pool;
struct err;
struct gate;

#define BACK_HIGH     (256U << 10) /* bytes queued for the injector: send no more */
#define BACK_LOW      (64U << 10)  /* go on */
#define BACK_IDLE_MAX 32U          /* sockets in the pool */

struct back_ops {
	/* Several while the status is 1xx. 'p' may be taken apart; it is cleared after. */
	void (*head)(struct exchange_response *p, void *data);
	void (*body)(const void *bytes, size_t len, void *data);
	void (*end)(const struct exchange_headers *trailers, void *data);
	/* There will be no (more) response. */
	void (*failed)(const struct exchange_failure *f, void *data);
	void (*room)(void *data); /* what is queued fell below BACK_LOW */
};

int back_pool_new(struct gate *g, struct back_pool **ret, struct err *e);
void back_pool_free(struct back_pool *p); /* after the last back_close() */
size_t back_pool_idle(const struct back_pool *p);

/* Begin an exchange. -EMSGSIZE: the head is too long. */
int back_open(struct back_pool *p, const struct exchange_request *q,
	const struct back_ops *ops, void *data, struct back **ret, struct err *e);

/* Content of the request; at most 'len' bytes are copied. 0 or -errno (it is broken). */
int back_send(struct back *b, const void *data, size_t len);
int back_send_end(struct back *b, const struct exchange_headers *trailers);
bool back_has_room(const struct back *b);

/* Stop or go on reading what comes; up to one frame may still come after a stop. */
void back_pause(struct back *b, bool stop);

/* Done with it: back to the pool, or RESET. No more call-backs. NULL is fine. */
void back_close(struct back *b);

#endif
