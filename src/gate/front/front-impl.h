/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front-impl.h - a connection that the gate speaks HTTP on, for the files of front alone.
 *
 *	front.c        the connection: bytes in, bytes out, time, its end
 *	front-shared.c what all connections share; front.h
 *	front-http1.c  HTTP/1 on it (front-http1-reply.c: the way back)
 *	front-http2.c  HTTP/2 on it (front-http2-stream.c: its streams)
 *	front-proxy.c  what is different on the proxy port
 *	request.c      one request, whatever version it came in
 *
 * Every way in (an event, a call-back of request, back or leaf) stands between
 * front_enter() and front_leave(). The last front_leave() writes what is to be written,
 * looks at what can be read now, and frees a connection that has ended: so nothing that
 * runs in between finds the ground gone beneath it.
 */
#ifndef BRIG_GATE_FRONT_IMPL_H
#define BRIG_GATE_FRONT_IMPL_H

#include "base/buf.h"
#include "gate/front/front-limits.h"
#include "gate/front/front.h"
#include "gate/gate.h"

#include <stdbool.h>
#include <stdint.h>

struct back_pool;
struct evp_pkey_st;
struct front_proto;
struct leaf_cache;
struct leaf_wait;
struct loop_source;
struct request;
struct ssl_ctx_st;
struct ssl_st;

struct front_shared {
	struct gate *g;
	struct evp_pkey_st *key;
	struct ssl_ctx_st *tls;
	struct leaf_cache *leaves;
	struct back_pool *backs;
	struct loop_source *sweep;
	struct front *first; /* all connections */
	size_t n;
};

enum front_phase {
	FRONT_LEAF,      /* waits for its certificate */
	FRONT_HANDSHAKE, /* of TLS */
	FRONT_SNIFF,     /* in clear: HTTP/1, or the preface of HTTP/2? */
	FRONT_OPEN,      /* a protocol has it */
	FRONT_CLOSING,   /* what is queued goes out, then nothing more */
	FRONT_LINGER,    /* until the client has read it, or a moment has passed */
};

struct front {
	struct gate *g;
	struct front *next, *prev;
	struct loop_source *src;
	int fd;
	enum front_phase phase;
	struct ssl_st *ssl;
	struct leaf_wait *leaf;
	const struct front_proto *proto;
	void *state;              /* the protocol's */
	struct request *requests; /* under way */
	struct buf in;
	struct buf out;
	size_t out_at; /* what is before has been written */
	bool tls, proxy, has_dst;
	bool again; /* look at 'in' again before going to sleep */
	bool full;  /* 'out' went over FRONT_OUT_HIGH */
	bool stuck; /* TLS can't read before it has written */
	bool half;  /* may go on when the client has closed its side: a WebSocket */
	bool dead;
	unsigned depth;
	uint64_t since;  /* the last time that something moved; ns */
	size_t lingered; /* bytes thrown away */
	char *name;      /* what it is for; NULL: by address or by Host */
	struct address dst;
	uint16_t port;
};

struct front_proto {
	int (*start)(struct front *f, struct err *e);
	void (*input)(
		struct front *f); /* there are new bytes in 'in', or 'again' was set */
	void (*eof)(struct front *f);     /* the client will say no more */
	void (*output)(struct front *f);  /* put what there is into 'out', up to HIGH */
	void (*drained)(struct front *f); /* 'out' fell below LOW after it was full */
	bool (*wants)(const struct front *f);     /* more bytes now? */
	unsigned (*limit)(const struct front *f); /* seconds without progress; 0: none */
	void (*end)(struct front *f, const char *why); /* politely, when it can be */
	void (*free)(struct front *f);
};

extern const struct front_proto front_http1, front_http2;

void front_enter(struct front *f);
void front_leave(struct front *f);

/* Queue bytes for the client. */
void front_write(struct front *f, const void *data, size_t len);
size_t front_pending(const struct front *f);

/* Write what is queued, then close. */
void front_close(struct front *f);
/* End it now; it is freed by the last front_leave(). */
void front_kill(struct front *f);
void front_progress(struct front *f); /* something moved */

/* One event about the connection as a whole: refused with this status. */
void front_refused(struct front *f, unsigned status, const char *reason);

/* The descriptor goes somewhere else; the connection ends without touching it. */
int front_take_fd(struct front *f);

#endif
