/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-place.h - puts secrets into a request, where their sentinels stand.
 *
 * Places that are known: values of headers, the user and the password of Basic credentials
 * (decoded and encoded anew; RFC 7617), the query (percent-encoded; RFC 3986 section 3.4).
 * A sentinel in any other known part of the head is a mistake or a trick, and the request
 * is refused. Bodies are not looked at: a sentinel there goes out as it is, which harms
 * nobody. So does one in an encoding that isn't known here.
 */
#ifndef BRIG_GATE_INJECT_PLACE_H
#define BRIG_GATE_INJECT_PLACE_H

#include "gate/exchange.h"
#include "gate/inject/inject-mask.h"
#include "gate/inject/inject-secrets.h"

struct inject_placed {
	struct inject_secrets *set;   /* with a reference */
	bool put[INJECT_SECRETS_MAX]; /* which of the set went in */
	bool any;
	const struct inject_secret *refused; /* on refusal: which, of 'set' */
	struct inject_mask *mask;
};

/*
 * Change 'q'. 0, -EACCES with the reason (no secret is in it then that the caller may
 * send: drop the request), -ENOMEM.
 *
 * Should:  give a secret only to a host that it is granted to, over TLS; refuse what it
 *          can't do whole; ask for an answer without encoding, so that it can be masked.
 * Mustn't: put a value into a path, a method or a name, or name one in a message.
 */
int inject_place(struct inject_secrets *set, struct exchange_request *q,
	struct inject_placed *ret, struct err *e);

/* Trailers carry no secrets. 0 or -EACCES. */
int inject_place_trailers(
	struct inject_placed *p, const struct exchange_headers *h, struct err *e);

/* Wipes. */
void inject_placed_clear(struct inject_placed *p);

/* Wipe the strings of a request that secrets went into; then exchange_request_clear(). */
void inject_wipe_request(struct exchange_request *q);

#endif
