/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-signer.h - the half of the vault that the gate talks to: it signs, and has no secret.
 */
#ifndef BRIG_GATE_VAULT_SIGNER_H
#define BRIG_GATE_VAULT_SIGNER_H

#include "gate/vault/vault-ca.h"

#include <stdbool.h>

struct parcel;

#define SIGNER_RATE    4096U /* signatures a minute */
#define SIGNER_WAIT_MS 10000 /* for a gate that doesn't take its answers */

struct signer {
	struct vault_ca ca;
	uint64_t minute; /* ns, when the count began */
	unsigned count;
};

/* Answer one parcel of the gate's: 'out' is the payload, the type is returned, or
 * -EPROTO for what no gate sends. */
int signer_answer(struct signer *s, const struct parcel *p, struct buf *out);

/* The first message: the CA's own certificate. */
int signer_hello(struct signer *s, struct buf *out, struct err *e);

/*
 * Serve the gate at 'fd' until it is gone: 0, or -errno. Makes the promise of the role
 * first.
 */
int signer_serve(struct signer *s, int fd, struct err *e);

#endif
