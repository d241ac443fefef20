/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - files of an image on the disk: an OCI layout's directory, or a tar.
 *
 * A tar is taken apart by a jailed child first: its members become numbered files in
 * tmp/, and a table says which name each had. So both kinds are then read in the same
 * way, by name.
 */
#ifndef BRIG_IMAGE_SOURCE_H
#define BRIG_IMAGE_SOURCE_H

#include "base/json.h"
#include "image/digest.h"
#include "image/untar.h"

struct store;
struct buf;

struct source {
	struct store *store; /* borrowed */
	int dir;
	char *tmp; /* of a tar: what to remove at the end, relative to the store */
	struct json *table; /* of a tar: [{"name", "file" or "link"}] */
};

int source_open_dir(const char *path, struct store *s, struct source *ret, struct err *e);

/* A tar (plain, gzip, zstd) from 'fd'. The store's shared lock is held. */
int source_open_tar(int fd, struct store *s, const struct untar_limits *limits,
	struct source *ret, struct err *e);
void source_close(struct source *src);
#define auto_source AUTO(source_close)

bool source_has(const struct source *src, const char *name);

/* A small file, -ENOENT when there is none of that name. */
int source_read(const struct source *src, const char *name, size_t max, struct buf *out,
	struct err *e);

/*
 * Bring a file into the store as a blob. 'want' is the digest and '*size' the size it
 * must have; with a NULL 'want' both are found out.
 */
int source_take(const struct source *src, const char *name, const char *want,
	char digest[DIGEST_TEXT_MAX], uint64_t *size, struct err *e);

#endif
