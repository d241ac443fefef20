/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-serve.h - one exchange socket of the gate, and the request that is under way on it.
 *
 * A serve reads frames, checks them, has secrets put in and gives the request to a job
 * (inject-transfer.h, inject-upgrade.h), which pulls the body and pushes the response.
 * Nothing that a job calls here frees the serve; that happens in inject_serve_settle().
 */
#ifndef BRIG_GATE_INJECT_SERVE_H
#define BRIG_GATE_INJECT_SERVE_H

#include "base/wire.h"
#include "gate/exchange.h"
#include "gate/inject/inject-place.h"

struct err;
struct injector;
struct inject_job;
struct loop_source;

/* What does the work; each kind begins with this. */
struct inject_job {
	void (*more)(struct inject_job *j);   /* there may be more to pull */
	void (*room)(struct inject_job *j);   /* what was refused may be pushed again */
	void (*cancel)(struct inject_job *j); /* end and free it; no calls back */
};

enum inject_serve_state {
	INJECT_SERVE_IDLE,    /* → WAITING, RUNNING: a REQUEST came */
	INJECT_SERVE_WAITING, /* → RUNNING: the vault's secrets are here */
	INJECT_SERVE_RUNNING, /* → IDLE, DRAINING: END was said; → CLOSING: FAILED was */
	INJECT_SERVE_DRAINING, /* → IDLE: the rest of the request has been thrown away */
	INJECT_SERVE_CLOSING,  /* what is queued goes out, then it ends */
};

struct inject_serve {
	struct injector *in;
	struct inject_serve *next, *prev;
	struct wire wire;
	struct loop_source *src;
	enum inject_serve_state state;
	struct exchange_request request;
	struct inject_placed placed;
	struct inject_job *job;

	const uint8_t
		*piece; /* of DATA that was not pulled yet: within the wire's buffer */
	size_t piece_len;
	int64_t left; /* of the body that was announced; EXCHANGE_LENGTH_UNKNOWN */
	bool ended;   /* END came */
	struct exchange_headers trailers;
	struct buf replay; /* the body so far, while it may have to be sent again */
	size_t replay_at;
	bool replayable;

	struct loop_source *still; /* fires when the server has been silent for a while */
	bool starving;             /* a pull found nothing */
	bool full;                 /* a push was refused */
	bool answered;             /* the final head was pushed */
	bool broken;               /* to be freed when it settles */
	bool unsettled; /* something happened since it last did: it is on the list */
	struct inject_serve *todo_next, *todo_prev;
};

/* Takes 'fd' over, also on failure. */
int inject_serve_new(struct injector *in, int fd, struct err *e);
void inject_serve_free(struct inject_serve *x);

/* Secrets have come: go on with those that waited for them. */
void inject_serve_resume(struct injector *in);

/* Write, free, watch: all that can't be done while a job is on the stack. */
void inject_serve_settle_all(struct injector *in);

/*
 * For jobs. Pull: the number of bytes, 0 at the end of the body, -EAGAIN (more() will be
 * called), -EPROTO when the gate broke the protocol. Rewind: as if nothing was pulled;
 * false when that is too long ago.
 */
ssize_t inject_serve_pull(struct inject_serve *x, void *into, size_t len);
bool inject_serve_rewind(struct inject_serve *x);

/* Push: 0, -EAGAIN (data only; room() will be called), or another -errno: give up. */
int inject_serve_push_head(struct inject_serve *x, struct exchange_response *p);
int inject_serve_push(struct inject_serve *x, const void *data, size_t len);
int inject_serve_push_end(struct inject_serve *x, struct exchange_headers *trailers);

/* There will be no (whole) response. */
void inject_serve_fail(
	struct inject_serve *x, uint16_t status, bool refused, const char *reason);

/* The job is over; it frees itself. After push_end() or fail(). */
void inject_serve_job_over(struct inject_serve *x);

#endif
