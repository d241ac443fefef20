/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.h - a blob on its way into the store: appended to, resumed, checked, committed.
 *
 * It is tmp/ALG-HEX.part, flocked by the one process that writes it. It survives that
 * process; the next one hashes what is there and goes on behind it.
 */
#ifndef BRIG_IMAGE_PART_H
#define BRIG_IMAGE_PART_H

#include "image/digest.h"

#include <stdbool.h>
#include <stdint.h>

struct err;
struct hash;
struct store;

struct part {
	struct store *store; /* borrowed */
	int fd;
	uint64_t have; /* bytes on the disk, all hashed */
	struct hash *hash;
	char digest[DIGEST_TEXT_MAX];
	char path[DIGEST_PATH_MAX]; /* "tmp/sha256-HEX.part" */
};

/* Is the blob in the store, with this size? Another size is a truncated file: it is
 * removed. */
bool blob_is_here(struct store *s, const char *digest, uint64_t size);

/* A descriptor to read a blob from. */
int blob_open(struct store *s, const char *digest, struct err *e);

/* Put a small document in. */
int blob_put(
	struct store *s, const char *digest, const void *data, size_t len, struct err *e);

/*
 * Open the part of a blob of 'size' bytes. 0, or 1 when the blob is in the store by now,
 * or -EAGAIN when another process is at it.
 */
int part_open(struct store *s, const char *digest, uint64_t size, struct part *ret,
	struct err *e);

/* Append, at most up to 'size' in all: more is -EFBIG. */
int part_add(struct part *p, const void *data, size_t len, uint64_t size, struct err *e);

/* Begin again from nothing. */
int part_restart(struct part *p, struct err *e);

/* All bytes are there: check the digest, make it a blob. A wrong one is removed:
 * -EBADMSG. */
int part_commit(struct part *p, struct err *e);

/* Let go; what is there stays for another time. */
void part_close(struct part *p);

#endif
