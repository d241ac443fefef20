/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request-route.h - which host a request is for, and which addresses it may go to.
 */
#ifndef BRIG_GATE_REQUEST_ROUTE_H
#define BRIG_GATE_REQUEST_ROUTE_H

#include "gate/front/request.h"

struct authority;

/*
 * Hold what the request says ('a') against what its connection is for, and note host, port
 * and address. NULL, or what is wrong and the status to say it with.
 *
 * Mustn't: believe a Host. In clear the address that the client connected to must have
 *          been an answer for that name, or be allowed by itself, and then what is denied
 *          by name stays denied; in TLS the name must be the one of the handshake.
 */
const char *request_route(
	struct request *q, const struct authority *a, unsigned *ret_status);

/* What the policy is asked. Its strings are the request's. */
void request_query(const struct request *q, struct policy_query *ret);

/* What it says to that, as enforced; 'ret_query' is what the verdict is about. */
void request_judge(const struct request *q, struct policy_query *ret_query,
	struct policy_verdict *ret);

/* Fill in the addresses to dial; false: the name has to be looked up first. */
bool request_addresses(struct request *q);

/* Those of 'addrs' that the policy allows; returns how many. */
size_t request_filter(struct gate *g, const struct policy_query *q,
	const struct address *addrs, size_t n, struct address ret[EXCHANGE_ADDRS_MAX]);

#endif
