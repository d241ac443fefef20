/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot-sums.h - checksums over a snapshot's files, in a file of records (base/records.h):
 *
 *	FILES	for each small file, in SUMS_FILES' order: u64 its size, u32 CRC-32C
 *	MEMORY	u64 its size, u32 bytes of a piece, then u32 CRC-32C of each piece; that of one
 *		that is all zero is SUMS_ZERO, so that holes need not be read
 */
#ifndef BRIG_SANDBOX_SNAPSHOT_SUMS_H
#define BRIG_SANDBOX_SNAPSHOT_SUMS_H

#include "base/buf.h"

#include <stdint.h>

struct err;

#define SUMS_PIECE     (256U << 10)
#define SUMS_FILES     3U
#define SUMS_MAX_BYTES (64U << 20)

struct sums {
	struct {
		uint64_t size;
		uint32_t crc;
	} file[SUMS_FILES];
	uint64_t memory;
	uint32_t *piece; /* of each SUMS_PIECE bytes of it */
	size_t pieces;
};

void sums_clear(struct sums *s);

/* From what a file holds: -EBADMSG, -ENOTSUP. And into such. */
int sums_parse(const void *data, size_t n, struct sums *ret, struct err *e);
int sums_format(const struct sums *s, struct buf *ret, struct err *e);

/* Of a small file; -EFBIG. */
int sums_of_file(int fd, const char *name, uint64_t *size, uint32_t *crc, struct err *e);

/* Copy the memory to 'to', an empty file, without pages that are all zero, and note its sums. */
int sums_copy_memory(int from, int to, struct sums *ret, struct err *e);

/* Compare: -EBADMSG names the first piece that is another. */
int sums_check_memory(const struct sums *s, int fd, struct err *e);

#endif
