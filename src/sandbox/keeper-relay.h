/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-relay.h - commands in the sandbox: frames between clients and the warder.
 */
#ifndef BRIG_SANDBOX_KEEPER_RELAY_H
#define BRIG_SANDBOX_KEEPER_RELAY_H

#include "sandbox/keeper-priv.h"

struct port_conn;
struct shared;

/* A command in the sandbox. */
struct channel {
	struct channel *next;
	uint16_t id;
	bool tty;
	bool started, exited, failed;
	bool detached;   /* exec -d: nobody listens */
	bool runs_on;    /* its client has detached, and is not missed */
	unsigned eofs;   /* of stdout and stderr that came */
	uint32_t unpaid; /* bytes passed on that clients have not taken yet */
	struct guest_window in, out;
	uint64_t status;
	char *error;            /* why it could not be started */
	int code;               /* the errno of that */
	bool port;              /* no command: it carries a connection to a port ... */
	struct port_conn *conn; /* ... whose host's side may have gone */
	bool local;            /* 'port': to a socket of the host's (keeper-sockets.c); */
	struct shared *shared; /* it waits for a client of that one, or */
	uint32_t asked;        /* the connector was asked under this number */
};

int relay_start(struct keeper *k, struct err *e); /* watch the warder's stream */
struct channel *relay_find(struct keeper *k, uint16_t id);
struct channel *relay_exec(
	struct keeper *k, const struct control_request *q, uint16_t id, struct err *e);
int relay_main(struct keeper *k, const struct control_request *q, struct err *e);
/* It runs: tell those who wait for that. 0. */
int relay_now_started(struct keeper *k, struct channel *ch);
void relay_attach(struct client *c, struct channel *ch);
void relay_from_client(struct client *c, const struct wire_frame *f);
void relay_client_gone(struct client *c);
void relay_pay(struct keeper *k, struct channel *ch);
void relay_flush(struct keeper *k);
void relay_send(struct keeper *k, const struct wire_frame *f);
bool relay_congested(const struct keeper *k); /* ports_resume() follows */
void relay_remove(struct keeper *k, struct channel *gone);
uint16_t relay_new_id(struct keeper *k);
bool relay_has_commands(const struct keeper *k); /* and not only ports' connections */

#endif
