/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.h - asks the host's name servers, for the gate itself and for the sandbox.
 *
 * Not getaddrinfo(3): it blocks, loads modules and reads files, and the gate may do none of
 * that. One UDP socket a query (a random port, RFC 5452), a random id, the question's case
 * mixed; TCP when the answer is truncated. Names of the host's /etc/hosts come first.
 */
#ifndef BRIG_GATE_RESOLVER_H
#define BRIG_GATE_RESOLVER_H

#include "gate/policy/address.h"
#include "gate/policy/name.h"

struct err;
struct loop;
struct resolver;
struct resolver_query;

#define RESOLVER_ADDRESSES_MAX 16

struct resolver_answer {
	int result; /* 0; -ENOENT: there is no such name; -ENODATA: none of this type;
		       -ETIMEDOUT, -EIO: no server answered */
	struct address addrs[RESOLVER_ADDRESSES_MAX];
	size_t n;
	uint32_t ttl; /* seconds */
};

typedef void resolver_cb(const struct resolver_answer *a, void *data);

int resolver_new(struct loop *l, struct resolver **ret, struct err *e);
void resolver_free(struct resolver *r); /* no call-backs any more */

/* Forget servers and hosts, then add them anew. Port 0 is 53. */
void resolver_reset(struct resolver *r);
int resolver_add_server(struct resolver *r, const struct address *a, uint16_t port);
int resolver_add_host(struct resolver *r, const char *name, const struct address *a);

enum resolver_type { RESOLVER_A = 1, RESOLVER_AAAA = 28 };

/*
 * Look 'name' (normalised) up; 'cb' is called once, never from within this call. Equal
 * queries share one; answers are cached for their TTL. The number under way is bounded:
 * -EBUSY past it. 'ret' may be NULL.
 */
int resolver_ask(struct resolver *r, const char *name, enum resolver_type type,
	resolver_cb *cb, void *data, struct resolver_query **ret);
void resolver_cancel(struct resolver_query *q); /* 'cb' will not be called */

#endif
