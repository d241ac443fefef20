/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1.h - the head of an HTTP/1 request (RFC 9112), read in the only way it can be read.
 *
 * What two parsers could take for two things is refused, not repaired: a gate that guesses
 * is a gate that can be led to guess wrong. The strings of a head point into the bytes it
 * was parsed from, which are changed on the way; its headers are the caller's to clear.
 */
#ifndef BRIG_GATE_HTTP1_H
#define BRIG_GATE_HTTP1_H

#include "gate/exchange.h"

struct err;

#define HTTP1_HEAD_MAX    65536U /* bytes, from the request line to the empty line */
#define HTTP1_HEADERS_MAX EXCHANGE_HEADERS_MAX
#define HTTP1_CONN_MAX    64U /* options in Connection */

enum http1_form { /* of the request target, RFC 9112 section 3.2 */
	HTTP1_ORIGIN,
	HTTP1_ASTERISK,  /* OPTIONS * */
	HTTP1_ABSOLUTE,  /* http://authority/path */
	HTTP1_AUTHORITY, /* CONNECT host:port */
};

struct http1_head {
	const char *method;
	const char *target;    /* origin-form or "*"; NULL with HTTP1_AUTHORITY */
	const char *authority; /* of the target: absolute and authority form */
	const char *host;      /* the Host header; NULL when a 1.0 request has none */
	enum http1_form form;
	bool https;     /* the absolute form's scheme */
	unsigned minor; /* HTTP/1.minor: 0 or 1 */
	bool keep;      /* the connection may be used again */
	bool chunked;
	int64_t length;  /* Content-Length; 0 without one, -1 when chunked */
	bool has_length; /* there is a Content-Length */
	bool expect;     /* waits for 100 Continue */
	bool websocket;  /* asks to upgrade to it, and to nothing else */
	bool trailers;   /* TE: trailers */
	struct exchange_headers headers; /* from end to end, names in lower case */
};

/*
 * Look for the end of a head. '*seen' (0 at first) is how far earlier calls have looked.
 * Returns its length, 0 when there is more to come, -EBADMSG for a CR or LF that stands
 * alone, -EMSGSIZE for a head that is too long.
 */
ssize_t http1_head_end(const char *data, size_t len, size_t *seen);

/*
 * Parse a head of 'len' bytes, as http1_head_end() said.
 *
 * Should:  take what RFC 9112 lets a client send.
 * Mustn't: accept two framings, two hosts, folded lines, blanks where there are none, or
 *          a byte that isn't text.
 *
 * 0, or -EBADMSG (400), -EMSGSIZE (431), -EPROTONOSUPPORT (505), -ENOMEM, with the reason.
 */
int http1_head_parse(char *data, size_t len, struct http1_head *ret, struct err *e);
void http1_head_clear(struct http1_head *h);

struct http1_field {
	char *name, *value;
};

/* One header line without its CRLF, in place: name in lower case, value without blanks. */
int http1_field_parse(char *line, size_t len, struct http1_field *ret, struct err *e);

/* Visible ASCII without '#': a fragment is never sent (RFC 9112 section 3.2). */
bool http1_is_target(const char *s);

/* Is 'token' (lower case) in the comma-separated list 'value'? */
bool http1_list_has(const char *value, const char *token);

#endif
