/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-head.h - the head of a response, line by line, made canonical.
 *
 * What a server says is as hostile as what the sandbox says: bounded, checked, and built
 * anew as struct exchange_response. Headers of the connection (and those that Connection
 * names, RFC 9110 section 7.6.1) are dropped, as are lines that are no header.
 */
#ifndef BRIG_GATE_INJECT_HEAD_H
#define BRIG_GATE_INJECT_HEAD_H

#include "gate/exchange.h"

enum inject_head_state {
	INJECT_HEAD_STATUS,  /* a status line comes next */
	INJECT_HEAD_FIELDS,  /* headers, until an empty line */
	INJECT_HEAD_WHOLE,   /* the empty line was there: take 'response' */
	INJECT_HEAD_TRAILERS /* after the body */
};

struct inject_head {
	enum inject_head_state state;
	struct exchange_response response; /* in TRAILERS its headers are the trailers */
	char *connection;                  /* what Connection said */
	size_t bytes;
	bool chunked;
};

/* A line with or without its end. 0 (look at the state), -EPROTO or -ENOMEM. */
int inject_head_line(struct inject_head *h, const char *line, size_t len, struct err *e);

/* The head was taken: what is next, another one (after 1xx) or trailers? */
void inject_head_next(struct inject_head *h);
void inject_head_clear(struct inject_head *h);

#endif
