/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver-try.h - one try of the resolver to get one answer from one server.
 *
 * Over UDP first; over TCP when the answer is truncated, or when its question isn't, letter
 * by letter, the one that was asked: a forger would have to guess the case of each letter.
 */
#ifndef BRIG_GATE_RESOLVER_TRY_H
#define BRIG_GATE_RESOLVER_TRY_H

#include "gate/dns/dns-msg.h"
#include "gate/dns/resolver.h"

struct loop;
struct loop_source;

#define RESOLVER_TRY_NS \
	2000000000ULL /* a server has this long, once over each protocol */

struct resolver_server {
	struct address addr;
	uint16_t port;
	bool folds; /* known to change the case of questions */
};

/* 0 with the response, -ETIMEDOUT or -EIO with NULL. */
typedef void resolver_try_cb(int result, const struct dns_response *r, void *data);

struct resolver_try {
	struct loop *loop;
	struct loop_source *src, *timer;
	int fd;
	struct resolver_server server; /* 'folds' is news when a try ends well */
	struct dns_asked asked;
	uint64_t deadline_ns; /* no wait goes beyond it */
	unsigned strays;
	bool tcp;
	size_t sent;
	uint8_t *in; /* of TCP: length and message */
	size_t in_len, in_size;
	resolver_try_cb *cb;
	void *data;
};

/* Once in the life of the struct; 'cb' is called from the loop. */
int resolver_try_init(struct resolver_try *t, struct loop *l, resolver_try_cb *cb,
	void *data, struct err *e);

/* Begin, after whatever came before. What fails at once is reported from the loop, too. */
void resolver_try_start(struct resolver_try *t, const struct resolver_server *s,
	const char *name, enum resolver_type type);

void resolver_try_clear(struct resolver_try *t);

#endif
