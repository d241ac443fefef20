/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1-write.h - responses as HTTP/1 (RFC 9112), for a client whose version is known.
 */
#ifndef BRIG_GATE_HTTP1_WRITE_H
#define BRIG_GATE_HTTP1_WRITE_H

#include "gate/exchange.h"

enum http1_framing {
	HTTP1_NO_BODY,
	HTTP1_LENGTH,
	HTTP1_CHUNKED,
	HTTP1_UNTIL_CLOSE, /* to a 1.0 client whose body's length isn't known */
};

struct http1_reply {
	const struct exchange_response *head;
	unsigned minor; /* of the client's version */
	bool to_head;   /* the request's method was HEAD */
	bool keep;      /* the connection stays; not with HTTP1_UNTIL_CLOSE */
};

/* How will this one's body be told from what follows? */
enum http1_framing http1_framing_of(const struct http1_reply *r);

int http1_write_head(const struct http1_reply *r, struct buf *out);
/* The last chunk, and those of the trailers that may be passed on. */
int http1_write_last(const struct exchange_headers *trailers, struct buf *out);

/* "Not Found"; never NULL. */
const char *http1_status_text(unsigned status);

#endif
