/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-cert.h - the parts that a certificate of brig's is put together from (RFC 5280).
 *
 * All return false when OpenSSL couldn't.
 */
#ifndef BRIG_GATE_VAULT_CERT_H
#define BRIG_GATE_VAULT_CERT_H

#include <openssl/types.h>
#include <stdbool.h>

struct buf;

/* Version 3, a serial number of 127 random bits (section 4.1.2.2), subject "CN=cn" as far as
 * that holds it (64 characters), issuer 'ca' or itself. */
bool vault_cert_head(X509 *cert, const char *cn, const X509 *ca);

/* CA, path length 0, signs certificates. Wants the public key set. */
bool vault_cert_extend_ca(X509 *cert);

/* A TLS server's, for one host name or address (section 4.2.1.6). */
bool vault_cert_extend_leaf(X509 *cert, X509 *ca, const char *name);

bool vault_cert_der(X509 *cert, struct buf *out);

#endif
