/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - digests of bytes as they pass by, by OpenSSL's EVP.
 */
#ifndef BRIG_IMAGE_HASH_H
#define BRIG_IMAGE_HASH_H

#include "base/auto.h"
#include "image/digest.h"

#include <stdint.h>

struct err;
struct hash;

/* 'like' is a digest whose algorithm is to be used; NULL for sha256. */
int hash_new(const char *like, struct hash **ret, struct err *e);
int hash_add(struct hash *h, const void *data, size_t len, struct err *e);

/* The digest so far, as text; nothing can be added after. */
int hash_end(struct hash *h, char out[DIGEST_TEXT_MAX], struct err *e);

void hash_free(struct hash *h);
AUTO_DEFINE(struct hash *, hash_free);
#define auto_hash AUTO(hash_free_auto)

/* Of bytes in memory, and of the rest of a file ('ret_size' may be NULL). */
int hash_bytes(const void *data, size_t len, const char *like, char out[DIGEST_TEXT_MAX],
	struct err *e);
int hash_file(int fd, const char *like, char out[DIGEST_TEXT_MAX], uint64_t *ret_size,
	struct err *e);

#endif
