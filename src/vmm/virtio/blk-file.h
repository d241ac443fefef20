/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk-file.h - the bytes of a disk: a file, or a file of changes over a base (see blk.h).
 *
 * Offsets and lengths are within the disk; the caller has checked that. Nothing here knows of
 * a guest.
 */
#ifndef BRIG_VMM_VIRTIO_BLK_FILE_H
#define BRIG_VMM_VIRTIO_BLK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct err;

struct blk_file {
	int fd, base;    /* base -1: none */
	uint64_t size;   /* of the disk, in bytes: a multiple of 512 */
	uint8_t *bitmap; /* clusters that 'fd' has; NULL without a base */
	size_t bitmap_len;
	size_t dirty_from, dirty_to; /* of the bitmap: not in the file yet */
	uint8_t *cluster;            /* one, to copy through */
};

/* 0 or -errno. The descriptors stay the caller's until it was 0. */
int blk_file_open(struct blk_file *f, int fd, int base, struct err *e);
void blk_file_close(struct blk_file *f);

/* The segments, which are changed, say how much. 0 or -errno: partly done at most. */
int blk_file_read(struct blk_file *f, uint64_t at, struct iovec *iov, unsigned n);
int blk_file_write(struct blk_file *f, uint64_t at, struct iovec *iov, unsigned n);

/* Zeroes from here on. 'unmap': and no room for them if that can be had. */
int blk_file_zero(struct blk_file *f, uint64_t at, uint64_t len, bool unmap);

/* What is there is not needed any more. It reads as anything. */
int blk_file_discard(struct blk_file *f, uint64_t at, uint64_t len);

/* All that was written before is on the disk afterwards. */
int blk_file_flush(struct blk_file *f);

#endif
