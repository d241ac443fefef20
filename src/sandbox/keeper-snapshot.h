/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-snapshot.h - the machine is kept for a client, and a machine that was kept goes on.
 *
 * CONTROL_SNAPSHOT: the warder suspends (guest/suspend.h), the wall stops the machine and gives out
 * what it is, the client is told. It says DETACH and gets two descriptors, state and memory. While
 * it copies files the machine stands; with another DETACH, or its end, all goes on. While all
 * this lasts nothing new is begun in the sandbox.
 *
 * A sandbox whose directory holds SNAPSHOT_FROM goes on from that instead of starting anew, once.
 */
#ifndef BRIG_SANDBOX_KEEPER_SNAPSHOT_H
#define BRIG_SANDBOX_KEEPER_SNAPSHOT_H

#include "sandbox/keeper-priv.h"

int snapshot_ask(struct client *c, struct err *e);
void snapshot_next(struct client *c); /* DETACH came */
void snapshot_gone(struct client *c); /* it is dropped; nothing where it is another one */
/* 0: nothing of the kind goes on; or -EBUSY with a reason. */
int snapshot_check_idle(const struct keeper *k, struct err *e);

/* 1: there is something to go on from; 0: none. Its descriptors are the caller's. */
int snapshot_open(struct keeper *k, struct wall_snapshot *ret, struct err *e);

/* From the warder: READY, DONE, KEPT. 0 or -EPROTO. */
int snapshot_ready(struct keeper *k);
int snapshot_done(struct keeper *k, uint32_t type, uint32_t code);
int snapshot_adopt(struct keeper *k, const struct wire_frame *f);

/* Is the main command one that goes on? Then a place for it is there, and whoever wants it started
 * waits for KEPT. */
struct channel *snapshot_main(struct keeper *k);

#endif
