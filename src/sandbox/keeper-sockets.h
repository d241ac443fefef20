/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-sockets.h - unix sockets of the host's, for a guest with a kernel of its own.
 */
#ifndef BRIG_SANDBOX_KEEPER_SOCKETS_H
#define BRIG_SANDBOX_KEEPER_SOCKETS_H

#include "sandbox/keeper-priv.h"

/* A stage's up, before the wall starts what could replace a node, and down. */
int sockets_up(struct keeper *k, struct err *e);
void sockets_down(struct keeper *k);

/* The warder is there: have it listen, before any command runs. */
int sockets_offer(struct keeper *k, struct err *e);

/* ---- for keeper-conn.c: of a channel with 'shared' or 'local' */

/* Somebody has connected inside. -EPROTO for what can't be that. */
int sockets_came(struct keeper *k, struct channel *ch, const struct wire_frame *f);
/* The channel is about to be removed; it never started if 'why' is there. */
void sockets_channel_over(
	struct keeper *k, struct channel *ch, const struct guest_failed *why);
/* One of those that may be at a time is over. */
void sockets_one_less(struct keeper *k);

#endif
