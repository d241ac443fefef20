/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - the server's side of opened TLS: 1.2 and 1.3, over a socket that never blocks.
 */
#ifndef BRIG_GATE_TLS_H
#define BRIG_GATE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;
struct evp_pkey_st;
struct ssl_ctx_st;
struct ssl_st;
struct x509_st;

/* The one key of this process, for all its leaves: P-256, never written anywhere. */
int tls_key_new(struct evp_pkey_st **ret, struct err *e);
void tls_key_free(struct evp_pkey_st *key);

/* What all connections share. */
int tls_context_new(struct ssl_ctx_st **ret, struct err *e);
void tls_context_free(struct ssl_ctx_st *ctx);

struct tls_identity {
	struct evp_pkey_st *key;
	struct x509_st *leaf, *ca; /* ca: may be NULL */
	const char *name; /* what the client must ask for, if it asks (SNI); NULL: any;
			     must outlive the connection */
};

/* The descriptor stays the caller's. */
int tls_new(struct ssl_ctx_st *ctx, int fd, const struct tls_identity *id,
	struct ssl_st **ret, struct err *e);
void tls_free(struct ssl_st *ssl);

/* 1: done; -EAGAIN (see tls_wants_write()); else the reason in 'e'; EACCES: the client
 * doesn't trust the certificate. */
int tls_accept(struct ssl_st *ssl, struct err *e);

/* Like recv(2) and send(2): -EAGAIN, 0 at the end. */
ssize_t tls_read(struct ssl_st *ssl, void *into, size_t len);
ssize_t tls_write(struct ssl_st *ssl, const void *from, size_t len);
bool tls_wants_write(const struct ssl_st *ssl); /* after -EAGAIN */
size_t tls_pending(const struct ssl_st *ssl);   /* bytes that no poll will tell of */
void tls_close(struct ssl_st *ssl);             /* say goodbye */
bool tls_is_h2(const struct ssl_st *ssl);       /* by ALPN */

#endif
