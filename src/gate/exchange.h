/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.h - one HTTP request and its response, between gate and injector.
 *
 * The gate makes a stream socket pair, sends one end to the injector (GATE_EXCHANGE of
 * roles.h) and speaks frames of base/wire.h on the other, channel 0. A socket serves any
 * number of exchanges, one after another: after EXCHANGE_END in both directions comes the
 * next REQUEST. Back pressure is the socket's own.
 *
 *	gate → injector   REQUEST (head), DATA..., END (trailers; may be empty) | RESET
 *	injector → gate   RESPONSE (head; several while the status is 1xx), DATA..., END (trailers)
 *	                  | FAILED (struct exchange_failure), then the socket ends
 *
 * A body of known length has exactly that many bytes. RESET, like closing the socket, ends
 * both. An END may come before the gate's own: it goes on to its END, or closes.
 *
 * After a RESPONSE with status 101, or 2xx to an extended CONNECT (RFC 8441), DATA goes both
 * ways until each side has said END: a WebSocket.
 *
 * Heads are in a canonical form that leaves nothing to interpretation, and each side checks
 * it as if the other were an attacker: method and names of headers are tokens in lower case
 * (the method as it came), values hold no control bytes but TAB and no blanks at their
 * ends, there is no Host, Connection, Keep-Alive, Proxy-*, TE (but "trailers"),
 * Transfer-Encoding, Upgrade or Content-Length among them: their meaning is in the fields
 * of the head. exchange-check.h holds these checks; what fails them isn't encoded either.
 *
 * Encoders append to 'out' and return 0, -EINVAL for what isn't canonical, -EMSGSIZE for
 * a head that is too long, -ENOMEM. Decoders own what they return only on success: 0,
 * -EPROTO, -ENOMEM. Empty trailers are an empty payload.
 */
#ifndef BRIG_GATE_EXCHANGE_H
#define BRIG_GATE_EXCHANGE_H

#include "base/buf.h"
#include "gate/policy/address.h"
#include "gate/policy/name.h"

#include <stdbool.h>

struct err;

enum exchange_type {
	EXCHANGE_REQUEST = 1,
	EXCHANGE_RESPONSE,
	EXCHANGE_DATA,
	EXCHANGE_END,
	EXCHANGE_RESET,
	EXCHANGE_FAILED,
};

#define EXCHANGE_HEAD_MAX       65000U /* encoded, so that it fits a frame */
#define EXCHANGE_HEADERS_MAX    256U
#define EXCHANGE_ADDRS_MAX      16U
#define EXCHANGE_LENGTH_UNKNOWN (-1)

struct exchange_header {
	char *name, *value;
	bool never_indexed; /* of HPACK: sensitive */
};

struct exchange_headers {
	struct exchange_header *v;
	size_t n;
};

struct exchange_request {
	char *method; /* "GET" */
	char *host;   /* normalised name, or an address in text form */
	uint16_t port;
	bool tls;
	char *target;   /* origin-form: "/path?query", or "*" */
	char *upgrade;  /* "websocket", or NULL */
	int64_t length; /* of the body; EXCHANGE_LENGTH_UNKNOWN */
	bool trailers;  /* TE: trailers */
	struct address addrs[EXCHANGE_ADDRS_MAX]; /* where to connect, in this order */
	size_t addrs_n; /* 0: by name, through the upstream proxy */
	struct exchange_headers headers;
};

struct exchange_response {
	uint16_t status;
	int64_t length;
	char *upgrade; /* of a 101 */
	struct exchange_headers headers;
};

/* Why there is no (whole) response. */
struct exchange_failure {
	uint16_t status; /* what the client is to be told: 403, 502, 504 */
	char *reason;    /* a sentence without secrets; also for the log */
	bool refused;    /* by the injector's own rules (not: upstream failed) */
};

int exchange_header_add(struct exchange_headers *h, const char *name, const char *value);
const char *exchange_header_get(const struct exchange_headers *h, const char *name);
void exchange_headers_clear(struct exchange_headers *h);

int exchange_request_encode(const struct exchange_request *q, struct buf *out);
int exchange_request_decode(
	const void *data, size_t len, struct exchange_request *ret, struct err *e);
void exchange_request_clear(struct exchange_request *q);

int exchange_response_encode(const struct exchange_response *p, struct buf *out);
int exchange_response_decode(
	const void *data, size_t len, struct exchange_response *ret, struct err *e);
void exchange_response_clear(struct exchange_response *p);

int exchange_headers_encode(
	const struct exchange_headers *h, struct buf *out); /* trailers */
int exchange_headers_decode(
	const void *data, size_t len, struct exchange_headers *ret, struct err *e);

int exchange_failure_encode(const struct exchange_failure *f, struct buf *out);
int exchange_failure_decode(
	const void *data, size_t len, struct exchange_failure *ret, struct err *e);
void exchange_failure_clear(struct exchange_failure *f);

#endif
