/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-serve.h - clients of the control socket: their requests, and what they are told.
 */
#ifndef BRIG_SANDBOX_KEEPER_SERVE_H
#define BRIG_SANDBOX_KEEPER_SERVE_H

#include "sandbox/keeper-priv.h"

struct port_spec;

/* A connection of the command line. */
struct client {
	struct keeper *k;
	struct client *next;
	struct wire wire;
	struct loop_source *src;
	struct buf request; /* parts of it so far */
	int verb;           /* of the request; -1 before */
	uint16_t channel;   /* attached to it; 0: none */
	bool owns_stdin;
	bool wait_end;             /* wants to hear of the sandbox's end */
	bool closing;              /* ends when what is queued is written */
	struct port_spec *publish; /* its sockets are to come */
	enum { RELOAD_NONE, RELOAD_QUEUED, RELOAD_ASKED } reload;
	char *what; /* is to be loaded anew */
};

int serve_listen(struct keeper *k, struct err *e);
struct client *serve_add(struct keeper *k, int fd, struct err *e);
void serve_reply(struct client *c, const struct control_reply *r);
void serve_error(struct client *c, const struct err *e);
void serve_answer(struct client *c, const struct control_reply *r); /* the one it gets */
void serve_started(struct client *c); /* the answer to a start */
void serve_flush(struct client *c);
void serve_drop(struct client *c);
void serve_end_all(struct keeper *k); /* BYE to everyone who waits */
void serve_bye(struct client *c, const struct channel *ch);

#endif
