/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-serve.h - the role: `brig-vault serve`, started by the keeper (roles.h).
 */
#ifndef BRIG_GATE_VAULT_SERVE_H
#define BRIG_GATE_VAULT_SERVE_H

struct err;

#define VAULT_FIRST_WAIT_MS 30000 /* for the first configuration */
#define VAULT_PEER_WAIT_MS  10000 /* for the injector to take its secrets */

/* Until the keeper, or the gate, is gone: 0. -errno when it can't go on. */
int vault_serve(struct err *e);

#endif
