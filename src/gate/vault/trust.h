/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.h - what makes a sandbox's programs trust its gate: a CA, in each form they read.
 *
 * A trust directory holds
 *
 *	ca.pem		the certificate
 *	ca.key		its key, sealed: the vault's alone
 *	ca-bundle.pem	the host's roots and the certificate; its first line says which
 *	ca.jks		the same as a Java trust store; "changeit"
 *	nssdb/		an NSS database (cert9.db), where the host has certutil
 *
 * It takes a fifth of a second to make one, so `brig-vault pool` keeps a spare in
 * $DATA/ca-pool, which a start only renames. Nothing here needs OpenSSL.
 */
#ifndef BRIG_GATE_TRUST_H
#define BRIG_GATE_TRUST_H

#include <stdbool.h>

struct err;

#define TRUST_DIR       "trust" /* in a sandbox's directory */
#define TRUST_POOL      "ca-pool"
#define TRUST_CERT      "ca.pem"
#define TRUST_KEY       "ca.key"
#define TRUST_BUNDLE    "ca-bundle.pem"
#define TRUST_JKS       "ca.jks"
#define TRUST_ROOTS_MAX (8U << 20) /* bytes of a bundle */
#define TRUST_NSSDB     "nssdb"
#define TRUST_PASSWORD  "changeit" /* Java's own default; the store holds no secret */
#define TRUST_ID_LEN    16U        /* of the store whose key sealed it (vault-store.h) */

/* The host's bundle of CA certificates (PEM), or NULL when it has none. Not to be freed. */
const char *trust_host_bundle(void);

/*
 * Are ca-bundle.pem and ca.jks in the trust directory open at 'dir' made from 'roots' (NULL:
 * from none), as that file is now?
 */
bool trust_is_current(int dir, const char *roots);

/* Make ca-bundle.pem. ca.jks is gone then, and is to be made anew: brig-vault jks. */
int trust_make_bundle(int dir, const char *roots, struct err *e);

/*
 * Rename a spare of the pool to SANDBOX_DIR/trust. -ENOENT when there is none that can be
 * used here: run `brig-vault mint SANDBOX_DIR/trust`. -EEXIST when it is there already.
 *
 * Should:  give one to only one of two takers at the same time; leave alone what is being
 *          made and what the master key of today didn't seal.
 */
int trust_take(const char *sandbox_dir, struct err *e);

/*
 * Put one back that nothing was ever signed with: all that its sandbox has seen of it is the
 * certificate, and no two have it at a time. 'id' is the sandbox's. Fails quietly when the
 * pool has enough.
 */
#define TRUST_SPARES_MAX 8
int trust_give_back(const char *sandbox_dir, const char *id, struct err *e);

/* How many spares could be taken now; -errno. */
int trust_spares(struct err *e);

#endif
