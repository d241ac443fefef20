/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1-body.h - a chunked body (RFC 9112 section 7.1), taken apart as it comes.
 *
 * Extensions are dropped; sizes are plain hexadecimal digits, lines end with CRLF and
 * nothing else. Trailers are kept when they are fit to be passed on.
 */
#ifndef BRIG_GATE_HTTP1_BODY_H
#define BRIG_GATE_HTTP1_BODY_H

#include "gate/exchange.h"

struct err;

#define HTTP1_CHUNK_DIGITS 15U    /* hexadecimal; so a size fits an int64_t */
#define HTTP1_CHUNK_LINE   4096U  /* bytes of a size line, extensions and all */
#define HTTP1_TRAILERS_MAX 16384U /* bytes */
#define HTTP1_TRAILERS_N   64U

struct http1_body {
	int state;     /* 0: at the beginning */
	uint64_t left; /* of the chunk */
	unsigned digits;
	size_t line; /* bytes of the line so far */
	struct buf trailer;
	struct exchange_headers trailers; /* whole after HTTP1_BODY_END */
};

enum http1_body_result {
	HTTP1_BODY_MORE, /* all was used, the body goes on */
	HTTP1_BODY_DATA, /* a piece of the content */
	HTTP1_BODY_END,  /* the bytes that weren't used belong to what follows */
};

struct http1_piece {
	const char *data;
	size_t len;  /* HTTP1_BODY_DATA */
	size_t used; /* bytes of the input that are done with, the piece included */
};

/* Take the next bytes. A result, or -EBADMSG, -EMSGSIZE, -ENOMEM. */
int http1_body_next(struct http1_body *b, const char *data, size_t len,
	struct http1_piece *ret, struct err *e);
void http1_body_clear(struct http1_body *b);

/* May a trailer of this name be passed on? (RFC 9110 section 6.5.1) */
bool http1_trailer_is_sane(const char *name);

#endif
