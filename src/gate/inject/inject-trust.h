/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-trust.h - which certificates upstream servers may show: a bundle in PEM.
 */
#ifndef BRIG_GATE_INJECT_TRUST_H
#define BRIG_GATE_INJECT_TRUST_H

#include <openssl/types.h>

struct err;

/* Read the bundle open at 'fd'. Certificates that don't parse are left out; none at all
 * is -EINVAL. */
int inject_trust_load(int fd, X509_STORE **ret, struct err *e);

#endif
