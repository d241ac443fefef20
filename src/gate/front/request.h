/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - one request from the sandbox: whose it is, whether it may, where it goes.
 *
 * The protocol (HTTP/1, HTTP/2) fills 'x' and calls request_start(); from then on it is
 * told by call-backs, which may come from within. A refusal is an answer like any other.
 * After 'end' or 'reset' no call-back comes; the protocol then frees it.
 */
#ifndef BRIG_GATE_REQUEST_H
#define BRIG_GATE_REQUEST_H

#include "gate/exchange.h"
#include "gate/gate.h"

struct back;
struct front;
struct request;

struct request_ops {
	/* The request has been allowed and is on its way: its body may come. */
	void (*accepted)(struct request *q);
	/* Several while the status is 1xx. */
	void (*head)(struct request *q, const struct exchange_response *p);
	void (*body)(struct request *q, const void *data, size_t len);
	void (*end)(struct request *q, const struct exchange_headers *trailers);
	/* The response breaks off. */
	void (*reset)(struct request *q);
	void (*room)(struct request *q); /* more of the body can be taken */
};

struct request {
	struct front *f;
	struct request *next, *prev; /* of the connection */
	const struct request_ops *ops;
	void *owner; /* the protocol's */
	struct exchange_request x;
	char *path; /* of the target, normalised, for the policy */
	bool named, has_addr;
	bool by_addr; /* its name was not looked up: the address has to be allowed itself */
	struct address addr; /* that the verdict is about */
	struct gate_lookup *lookup;
	struct back *back;
	bool accepted;  /* by the policy */
	bool answered;  /* a final head has been passed on */
	bool body_done; /* all of the request's body has been taken */
	bool over, logged;
	unsigned status;
	uint64_t up, down;
};

struct request *request_new(struct front *f, const struct request_ops *ops, void *owner);
void request_free(struct request *q);

/*
 * Judge it and send it on its way. 'authority' is what Host or :authority said.
 *
 * Should:  let through what the policy allows for this name, address, method and path.
 * Mustn't: let a request through a connection that was opened for another host, or to an
 *          address that the name was not looked up as.
 */
void request_start(struct request *q, const char *authority);

/* Answer it here: a line of text. */
void request_refuse(struct request *q, unsigned status, const char *text);

void request_body(struct request *q, const void *data, size_t len);
void request_body_end(struct request *q, const struct exchange_headers *trailers);
bool request_has_room(const struct request *q);
void request_pause(struct request *q, bool stop); /* of the response's body */

/* The policy has changed: is it still allowed? Ends it if not. */
void request_recheck(struct request *q);

/* What the person is told about a denial; also for CONNECT. */
struct policy_query;
struct policy_verdict;
char *request_denial(const struct policy_query *q, const struct policy_verdict *v);

#endif
