/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front-http1.h - HTTP/1 with the sandbox: one request at a time, those behind it wait.
 */
#ifndef BRIG_GATE_FRONT_HTTP1_H
#define BRIG_GATE_FRONT_HTTP1_H

#include "gate/front/front-impl.h"
#include "gate/front/http1-body.h"
#include "gate/front/http1-write.h"
#include "gate/front/request.h"

#define FRONT_HTTP1_AHEAD 4096U /* bytes of later requests that are read meanwhile */

struct front_http1 {
	struct request *q; /* under way; NULL: a head is awaited */
	size_t seen;       /* of the head */
	bool blank;        /* an empty line before it has been passed over */
	/* the request */
	unsigned minor;
	bool to_head, keep, expect, trailers, chunked;
	int64_t body_left;
	struct http1_body chunks;
	bool body_done;
	bool eof; /* the client will say no more */
	/* the response */
	bool raw; /* both ways, after 101 */
	enum http1_framing framing;
	int64_t reply_left;
};

extern const struct request_ops front_http1_ops;

/* Answer with a line of text and close: the request can't be understood, or isn't let in. */
void front_http1_reply(struct front *f, unsigned status, const char *text);

struct http1_head;
/*
 * On the proxy port: what is this request? 0: forward it; 1: it was a CONNECT and has
 * been dealt with; or -EBADMSG with the reason. 'ret' is the authority to go to.
 */
int front_proxy_request(
	struct front *f, const struct http1_head *h, const char **ret, struct err *e);

#endif
