/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar-feed.h - a libarchive reader of nothing but tar, fed from a descriptor.
 *
 * Some tools (umoci insert) end a tar right behind the last file's data, without the
 * padding to a block and the two empty blocks that tar(5) wants. Go's reader, and so
 * Docker, takes that; libarchive doesn't. So what is missing at the end is made up here,
 * and tar_feed_truncated() tells that from data that isn't there.
 */
#ifndef BRIG_IMAGE_TAR_FEED_H
#define BRIG_IMAGE_TAR_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive;
struct archive_entry;
struct err;

#define TAR_FEED_CHUNK ((size_t)1 << 17)

struct tar_feed {
	int fd;
	uint64_t real;  /* bytes that came */
	bool ended;     /* the descriptor's end was seen */
	unsigned extra; /* empty bytes given since */
	char chunk[TAR_FEED_CHUNK];
};

/* With 'packed' the bytes may be gzip or zstd, and nothing is made up. 'f' is large, and
 * has to stay where it is. */
int tar_feed_open(
	struct tar_feed *f, int fd, bool packed, struct archive **ret, struct err *e);

/* Does the data of the entry just read to its end hold bytes that never came? */
bool tar_feed_truncated(
	const struct tar_feed *f, struct archive *a, struct archive_entry *ae);

/* Read what follows the tar's end: it counts for the digest made at the other end. */
int tar_feed_drain(struct tar_feed *f, struct err *e);

/* What libarchive has to say about a failure, as an error. */
int tar_feed_failed(struct archive *a, const char *what, struct err *e);

#endif
