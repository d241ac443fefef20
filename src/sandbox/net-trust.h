/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net-trust.h - a sandbox's directory of network files, and the key that must not be in it.
 *
 * SANDBOX/trust is what the wall shows as /run/brig (wall/netfiles.h): resolv.conf, the CA's
 * certificate in its several forms. The CA's sealed key is SANDBOX/ca.key, beside it.
 */
#ifndef BRIG_SANDBOX_NET_TRUST_H
#define BRIG_SANDBOX_NET_TRUST_H

struct err;

/*
 * Make what is missing or older than the certificates that the host trusts: those in 'roots',
 * or with NULL its own bundle. 'dir' is open at 'path'.
 */
int net_trust_make(const char *path, int dir, const char *roots, struct err *e);

/* The sandbox is going, and its CA has signed nothing: the next one may have it. */
void net_trust_give_back(const char *path, int dir, const char *id);

#endif
