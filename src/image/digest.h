/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - the names of contents: "sha256:HEX" and "sha512:HEX".
 *
 * The form is that of the OCI image specification, descriptor.md, "Digests": a registered
 * algorithm, a colon, and lower-case hex of exactly the algorithm's length. Only texts
 * that passed digest_valid() may become part of a file name.
 */
#ifndef BRIG_IMAGE_DIGEST_H
#define BRIG_IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define DIGEST_TEXT_MAX  136 /* "sha512:", 128 hex digits, NUL */
#define DIGEST_PATH_MAX  160
#define DIGEST_SHORT_MAX 13

bool digest_valid(const char *text);

/* -EBADMSG with a message that starts with 'what' when 'text' is NULL or no digest. */
int digest_check(const char *text, const char *what, struct err *e);

/* The hex digits of a valid digest. */
const char *digest_hex(const char *digest);

/* "blobs/sha256/HEX", relative to the store. */
const char *digest_path(const char *digest, char out[DIGEST_PATH_MAX]);

/* The first 12 hex digits, as people see them. */
const char *digest_short(const char *digest, char out[DIGEST_SHORT_MAX]);

#endif
