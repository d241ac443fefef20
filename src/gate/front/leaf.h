/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leaf.h - certificates for the names that TLS is opened for, signed by the vault, kept.
 *
 * All are for one key, this process's own. The vault is asked in parcels and answers when
 * it can; who asks for the same name meanwhile waits for the same answer.
 */
#ifndef BRIG_GATE_LEAF_H
#define BRIG_GATE_LEAF_H

#include <stddef.h>

struct err;
struct evp_pkey_st;
struct gate;
struct leaf_cache;
struct leaf_wait;
struct parcel;
struct x509_st;

#define LEAF_CACHE_MAX 1024U
#define LEAF_ASKED_MAX 256U /* names that are being signed at a time */
#define LEAF_TIMEOUT_S 5U
#define LEAF_RENEW_S   600 /* one that ends sooner is not used any more */

/* 'leaf' is the cache's (X509_up_ref() to keep it); NULL with the reason. */
typedef void leaf_cb(struct x509_st *leaf, const char *reason, void *data);

int leaf_cache_new(
	struct gate *g, struct evp_pkey_st *key, struct leaf_cache **ret, struct err *e);
void leaf_cache_free(struct leaf_cache *c);
size_t leaf_cache_count(const struct leaf_cache *c);
struct x509_st *leaf_ca(const struct leaf_cache *c); /* NULL: not known yet */

/* The certificate for 'name' if it is there, else NULL. */
struct x509_st *leaf_find(struct leaf_cache *c, const char *name);

/* Have one made; 'cb' is called once, never from within. */
int leaf_ask(struct leaf_cache *c, const char *name, leaf_cb *cb, void *data,
	struct leaf_wait **ret);
void leaf_cancel(struct leaf_wait *w); /* 'cb' will not be called */

/* What the vault said. 0 or -EPROTO. */
int leaf_parcel(struct leaf_cache *c, const struct parcel *p);

#endif
