/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-ports.h - published ports: listeners (keeper-ports.c), and a connection to one
 * (keeper-conn.c).
 */
#ifndef BRIG_SANDBOX_KEEPER_PORTS_H
#define BRIG_SANDBOX_KEEPER_PORTS_H

#include "sandbox/keeper-priv.h"

struct channel;
struct port_conn;
struct port_spec;

/* A stage's up, before the promise, and down. */
int ports_up(struct keeper *k, struct err *e);
void ports_down(struct keeper *k);
int ports_publish(struct keeper *k, const struct port_spec *p, int sock, struct err *e);
int ports_unpublish(struct keeper *k, const struct port_spec *want,
	struct json_list *ret_gone, struct err *e);
/* As they listen; 'chosen': only those whose port was left to us. */
int ports_list(const struct keeper *k, bool chosen, struct json_list *ret);
void ports_resume(struct keeper *k); /* the warder takes bytes again */

/* ---- keeper-conn.c */

struct port_conns {
	struct port_conn *first;
	size_t n;
};
struct port_conns *ports_conns(const struct keeper *k);
void conn_accept(struct keeper *k, int fd, uint16_t guest); /* takes the socket over */
/* The same for a channel that is there already; it is told. The socket is taken over. */
int conn_attach(struct keeper *k, struct channel *ch, int fd);
void conn_close_all(struct keeper *k);
void conn_resume_all(struct keeper *k);
int conn_frame(struct keeper *k, struct channel *ch, const struct wire_frame *f);

#endif
