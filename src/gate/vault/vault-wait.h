/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-wait.h - parcels, waiting: the vault has one thing to do at a time.
 */
#ifndef BRIG_GATE_VAULT_WAIT_H
#define BRIG_GATE_VAULT_WAIT_H

#include "base/buf.h"

struct err;

/* Until 'fd' is readable (or at its end), at most 'wait_ms' (-1: for ever). -ETIMEDOUT. */
int vault_wait(int fd, int wait_ms, struct err *e);

/* Send; wait for a peer that doesn't keep up. */
int vault_send(int fd, uint32_t type, const struct buf *data, int wait_ms, struct err *e);

#endif
