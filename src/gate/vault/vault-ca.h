/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-ca.h - the certificate authority of one sandbox: made once, signs leaves (RFC 5280).
 *
 * EC P-256, no path below it, its key sealed under the master key and bound to its
 * certificate: $STATE/.../trust/ca.pem and ca.key. Nobody but the one sandbox trusts it,
 * so it may live long; its leaves live for a month at most.
 */
#ifndef BRIG_GATE_VAULT_CA_H
#define BRIG_GATE_VAULT_CA_H

#include "base/auto.h"
#include "gate/vault/vault-seal.h"

#include <openssl/types.h>

struct err;

#define VAULT_CA_DAYS   3650
#define VAULT_LEAF_DAYS 30
#define VAULT_CA_MAX    16384U /* bytes of ca.pem, of ca.key */
#define VAULT_SPKI_MAX  2048U  /* bytes of a public key */
#define VAULT_LEAF_MAX  8192U  /* bytes of a leaf */

struct vault_ca {
	X509 *cert;
	EVP_PKEY *key;
};

int vault_ca_make(struct vault_ca *ret, struct err *e);
void vault_ca_clear(struct vault_ca *ca);
#define auto_vault_ca AUTO(vault_ca_clear)

/* The certificate as DER (appended) and as PEM. */
int vault_ca_der(const struct vault_ca *ca, struct buf *out, struct err *e);
int vault_ca_pem(const struct vault_ca *ca, struct buf *out, struct err *e);

/* The key, sealed; and both back from the contents of ca.pem and ca.key. */
int vault_ca_seal(const struct vault_ca *ca, const uint8_t master[VAULT_KEY_LEN],
	struct buf *out, struct err *e);
int vault_ca_open(const struct buf *pem, const struct buf *sealed,
	const uint8_t master[VAULT_KEY_LEN], struct vault_ca *ret, struct err *e);

/*
 * Sign a server's certificate for 'name', a normalised host name or an address, and this
 * public key (SubjectPublicKeyInfo, DER); append it as DER. -EINVAL with the reason.
 *
 * Should:  take nothing but a valid key on P-256 or an RSA one of 2048 to 4096 bits, with
 *          nothing behind it.
 * Mustn't: sign what could itself sign, or for anything but one name.
 */
struct vault_leaf {
	const char *name;
	const void *spki;
	size_t spki_len;
};
int vault_ca_sign(const struct vault_ca *ca, const struct vault_leaf *leaf,
	struct buf *out, struct err *e);

#endif
