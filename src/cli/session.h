/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - the command line's end of a control connection.
 */
#ifndef BRIG_CLI_SESSION_H
#define BRIG_CLI_SESSION_H

#include "sandbox/control.h"

struct err;
struct sandbox;

/* Where a copy of files goes instead of the terminal (brig cp). */
struct session_pipes {
	int in, out;     /* -1: standard input, output */
	struct buf *err; /* takes what fits its bound, the rest is dropped; NULL: standard
			    error */
};

struct session {
	int fd;                  /* connected; taken over */
	const char *detach_keys; /* NULL for ctrl-p,ctrl-q; "" for none */
	struct session_pipes pipes;
	bool quiet; /* no notes */
	const struct sandbox
		*held; /* released when the keeper has answered; may be NULL */
};
#define SESSION_INIT                          \
	{                                     \
		.fd = -1, .pipes = { -1, -1 } \
	}

/*
 * Send 'q' and serve the command until it has ended or the person detached. Returns its
 * exit status, 0 when detached, or a negative errno.
 */
int session_attach(struct session *s, const struct control_request *q, struct err *e);

/* Send 'q' and take the one reply; the caller clears it. After a failure it is clear but
 * for its 'status', where the keeper gave one. */
int session_ask(int fd, const struct control_request *q, struct control_reply *ret,
	struct err *e);

/*
 * Send 'q', which starts a command and leaves it running. Returns 0, a negative errno, or
 * the exit status (126, 127) of a command that could not be started, when that was said.
 */
int session_start(int fd, const struct control_request *q, struct err *e);

/* Connect to the keeper of a sandbox that runs, and ask. -ESRCH when none does. */
int session_ask_name(const char *name, const struct control_request *q,
	struct control_reply *ret, struct err *e);

/* Connect to the running keeper, or start one when the sandbox is stopped. Returns the
 * socket. */
int session_open(const struct sandbox *s, bool start, struct err *e);

#endif
