/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.h - a file of numbered records with a checksum: what a machine's state is kept in.
 *
 *	u64 magic, u32 version, u32 CRC-32C of all that follows the first 16 bytes, u64 how much
 *	that is behind this number; then records, each: u32 tag, u32 length, that many bytes
 *
 * Little-endian. The order of the records is the reader's to demand: a tag other than the one
 * that is expected is an error, as are bytes behind the last one.
 *
 * Should:   tell every file that was cut, lengthened or changed by accident from a whole one.
 * Mustn't:  be taken for proof of where a file is from. Who can write it can give it a checksum;
 *           so what is in a record is checked like a guest's words, whatever this says.
 */
#ifndef BRIG_BASE_RECORDS_H
#define BRIG_BASE_RECORDS_H

#include "base/state.h"

struct err;

#define RECORDS_HEAD 24U
/* A record's contents, and so a machine's: CPUs are the largest. */
#define RECORDS_MAX (64U << 20)

/* A record is what is put between the two. 0, -ENOMEM, -EMSGSIZE. */
int records_begin(struct buf *to, uint64_t magic, uint32_t version);
int records_open(struct buf *to, uint32_t tag, size_t *ret_at);
void records_close(struct buf *to, size_t at);
int records_put(struct buf *to, uint32_t tag, const void *data, size_t n);
void records_end(struct buf *to); /* after the last one */

/*
 * Check the whole: '*ret' is then the first record. 'what' names the file in errors, which are
 * -EBADMSG for one that is damaged and -ENOTSUP for one of another version.
 */
int records_check(const void *data, size_t n, uint64_t magic, uint32_t version,
	struct span *ret, const char *what, struct err *e);

/* The next record, which has this tag. -EBADMSG: it hasn't, or there is none. */
int records_get(struct span *from, uint32_t tag, struct span *ret);

#endif
