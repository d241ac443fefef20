/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust-make.h - making a trust directory (trust.h); for brig-vault.
 */
#ifndef BRIG_GATE_TRUST_MAKE_H
#define BRIG_GATE_TRUST_MAKE_H

#include "gate/vault/vault-seal.h"

struct err;

/*
 * Make 'path', which must not be there: beside it first, then renamed.
 *
 * Should:  go without the NSS database where certutil is missing or fails, and leave
 *          nothing behind when it fails itself.
 */
int trust_make(const char *path, const uint8_t master[VAULT_KEY_LEN], struct err *e);

/* Make a spare in the pool, unless there is one. 'id' is the store's. */
int trust_fill_pool(const char *id, const uint8_t master[VAULT_KEY_LEN], struct err *e);

/* Make ca.jks in the trust directory open at 'dir' from the ca-bundle.pem there. */
int trust_make_jks(int dir, struct err *e);

/*
 * A Java trust store (JKS version 2: sun.security.provider.JavaKeyStore) with the
 * certificates of 'bundle' (PEM), of which 'ca' (PEM) goes by the name "brig-sandbox".
 */
int trust_jks(
	const struct buf *bundle, const struct buf *ca, struct buf *out, struct err *e);

#endif
