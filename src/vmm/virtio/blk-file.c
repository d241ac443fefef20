/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/blk-file.h"

#include "base/err.h"
#include "base/wire.h"
#include "vmm/virtio/blk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Behind the disk's end: a page with these, then the bitmap. */
#define TABLE_MAGIC   "brigcow1"
#define TABLE_HEADER  4096U
#define ZEROES        65536U
#define DISK_SIZE_MAX (1ULL << 50)

static uint64_t table_at(const struct blk_file *f)
{
	return (f->size + BLK_CLUSTER - 1) / BLK_CLUSTER * BLK_CLUSTER;
}

/* All of it, at the offset. 0, -errno, -EIO at the end of the file. */
static int transfer(int fd, bool write, uint64_t at, struct iovec *iov, unsigned n)
{
	while (n) {
		ssize_t r = write ? pwritev(fd, iov, (int)n, (off_t)at)
				  : preadv(fd, iov, (int)n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EIO;
		at += (uint64_t)r;
		while (n && (size_t)r >= iov->iov_len) {
			r -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n) {
			iov->iov_base = (uint8_t *)iov->iov_base + r;
			iov->iov_len -= (size_t)r;
		}
	}
	return 0;
}

static int transfer_bytes(int fd, bool write, uint64_t at, void *bytes, size_t len)
{
	struct iovec iov = { bytes, len };

	return len ? transfer(fd, write, at, &iov, 1) : 0;
}

static int make_table(struct blk_file *f, uint8_t header[TABLE_HEADER])
{
	memcpy(header, TABLE_MAGIC, 8);
	wire_put64(header + 8, f->size);
	wire_put32(header + 16, BLK_CLUSTER);
	if (ftruncate(f->fd, (off_t)(table_at(f) + TABLE_HEADER + f->bitmap_len)) < 0)
		return -errno;
	return transfer_bytes(f->fd, true, table_at(f), header, TABLE_HEADER);
}

static int read_table(struct blk_file *f, uint8_t header[TABLE_HEADER])
{
	int r = transfer_bytes(f->fd, false, table_at(f), header, TABLE_HEADER);

	if (r < 0)
		return r;
	if (memcmp(header, TABLE_MAGIC, 8) != 0 || wire_get64(header + 8) != f->size ||
		wire_get32(header + 16) != BLK_CLUSTER)
		return -EBADMSG;
	return transfer_bytes(
		f->fd, false, table_at(f) + TABLE_HEADER, f->bitmap, f->bitmap_len);
}

static int open_changes(struct blk_file *f, struct err *e)
{
	uint8_t header[TABLE_HEADER] = { 0 };
	off_t end = lseek(f->fd, 0, SEEK_END);
	int r;

	if (end < 0)
		return err_sys(e, "disk: the file of changes");
	f->bitmap_len = (size_t)((f->size / BLK_CLUSTER + 8) / 8);
	f->bitmap = calloc(1, f->bitmap_len);
	f->cluster = malloc(BLK_CLUSTER);
	if (!f->bitmap || !f->cluster)
		return err_set(e, ENOMEM, "disk: out of memory");
	r = end == 0 ? make_table(f, header) : read_table(f, header);
	if (r == -EBADMSG || r == -EIO)
		return err_set(e, EBADMSG, "disk: the changes belong to another base");
	return r < 0 ? err_set(e, -r, "disk: the table of changes: %s", err_text(-r)) : 0;
}

int blk_file_open(struct blk_file *f, int fd, int base, struct err *e)
{
	off_t end = lseek(base >= 0 ? base : fd, 0, SEEK_END);
	int r = 0;

	*f = (struct blk_file){ .fd = -1, .base = -1 };
	if (end < 0)
		return err_sys(e, "disk: its size");
	if ((uint64_t)end > DISK_SIZE_MAX)
		return err_set(e, EFBIG, "disk: too large");
	f->fd = fd;
	f->base = base;
	f->size = (uint64_t)end / BLK_SECTOR * BLK_SECTOR;
	if (base >= 0)
		r = open_changes(f, e);
	if (r < 0) {
		f->fd = f->base = -1;
		blk_file_close(f);
	}
	return r;
}

static int write_table(struct blk_file *f)
{
	int r;

	if (f->dirty_from >= f->dirty_to)
		return 0;
	r = transfer_bytes(f->fd, true, table_at(f) + TABLE_HEADER + f->dirty_from,
		f->bitmap + f->dirty_from, f->dirty_to - f->dirty_from);
	if (r == 0)
		f->dirty_from = f->dirty_to = 0;
	return r;
}

void blk_file_close(struct blk_file *f)
{
	if (f->fd >= 0) {
		(void)write_table(f);
		(void)close(f->fd);
	}
	if (f->base >= 0)
		(void)close(f->base);
	free(f->bitmap);
	free(f->cluster);
	*f = (struct blk_file){ .fd = -1, .base = -1 };
}

static bool has(const struct blk_file *f, uint64_t cluster)
{
	return !f->bitmap || (f->bitmap[cluster / 8] >> cluster % 8 & 1);
}

static void set(struct blk_file *f, uint64_t cluster)
{
	size_t at = (size_t)(cluster / 8);

	f->bitmap[at] |= (uint8_t)(1U << cluster % 8);
	if (f->dirty_from >= f->dirty_to) {
		f->dirty_from = at;
		f->dirty_to = at + 1;
	} else if (at < f->dirty_from) {
		f->dirty_from = at;
	} else if (at >= f->dirty_to) {
		f->dirty_to = at + 1;
	}
}

static size_t total(const struct iovec *iov, unsigned n)
{
	size_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* Cut 'iov' after 'len' bytes; what was cut off of the last one goes to '*rest'. Returns how
 * many make up the first part. */
static unsigned split(struct iovec *iov, unsigned n, size_t len, struct iovec *rest)
{
	*rest = (struct iovec){ 0 };
	for (unsigned i = 0; i < n; i++) {
		if (iov[i].iov_len > len) {
			*rest = (struct iovec){ (uint8_t *)iov[i].iov_base + len,
				iov[i].iov_len - len };
			iov[i].iov_len = len;
			return i + 1;
		}
		len -= iov[i].iov_len;
		if (len == 0)
			return i + 1;
	}
	return n;
}

int blk_file_read(struct blk_file *f, uint64_t at, struct iovec *iov, unsigned n)
{
	if (!f->bitmap)
		return transfer(f->fd, false, at, iov, n);
	while (n) {
		uint64_t end = at + total(iov, n), to = at;
		bool own = has(f, at / BLK_CLUSTER);
		struct iovec rest;
		unsigned k;
		int r;

		while (to < end && has(f, to / BLK_CLUSTER) == own)
			to = (to / BLK_CLUSTER + 1) * BLK_CLUSTER;
		to = to < end ? to : end;
		k = split(iov, n, (size_t)(to - at), &rest);
		r = transfer(own ? f->fd : f->base, false, at, iov, k);
		if (r < 0)
			return r;
		/* what was cut stands in the place of its first part */
		if (rest.iov_len)
			iov[--k] = rest;
		iov += k;
		n -= k;
		at = to;
	}
	return 0;
}

/* The base's bytes of a cluster that is about to be changed in part. */
static int copy_up(struct blk_file *f, uint64_t cluster)
{
	uint64_t at = cluster * BLK_CLUSTER;
	size_t len = f->size - at < BLK_CLUSTER ? (size_t)(f->size - at) : BLK_CLUSTER;
	int r;

	if (has(f, cluster))
		return 0;
	r = transfer_bytes(f->base, false, at, f->cluster, len);
	if (r == 0)
		r = transfer_bytes(f->fd, true, at, f->cluster, len);
	if (r == 0)
		set(f, cluster);
	return r;
}

/* Before [at, end) is changed: clusters that are changed in part are there afterwards. */
static int prepare(struct blk_file *f, uint64_t at, uint64_t end)
{
	int r = 0;

	if (!f->bitmap || at == end)
		return 0;
	if (at % BLK_CLUSTER)
		r = copy_up(f, at / BLK_CLUSTER);
	if (r == 0 && end % BLK_CLUSTER && end != f->size)
		r = copy_up(f, end / BLK_CLUSTER);
	return r;
}

static void changed(struct blk_file *f, uint64_t at, uint64_t end)
{
	if (f->bitmap && at != end)
		for (uint64_t c = at / BLK_CLUSTER; c * BLK_CLUSTER < end; c++)
			if (!has(f, c))
				set(f, c);
}

int blk_file_write(struct blk_file *f, uint64_t at, struct iovec *iov, unsigned n)
{
	uint64_t end = at + total(iov, n);
	int r = prepare(f, at, end);

	if (r == 0)
		r = transfer(f->fd, true, at, iov, n);
	if (r == 0)
		changed(f, at, end);
	return r;
}

static int punch(struct blk_file *f, uint64_t at, uint64_t len)
{
	return fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
		       (off_t)len) < 0
		? -errno
		: 0;
}

static int write_zeroes(struct blk_file *f, uint64_t at, uint64_t len)
{
	static uint8_t zeroes[ZEROES]; /* nobody writes to them */

	while (len) {
		size_t n = len < ZEROES ? (size_t)len : ZEROES;
		int r = transfer_bytes(f->fd, true, at, zeroes, n);

		if (r < 0)
			return r;
		at += n;
		len -= n;
	}
	return 0;
}

int blk_file_zero(struct blk_file *f, uint64_t at, uint64_t len, bool unmap)
{
	int r = prepare(f, at, at + len);

	if (r < 0 || len == 0)
		return r;
	if (unmap || f->bitmap)
		r = punch(f, at, len);
	else if (fallocate(f->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)at,
			 (off_t)len) < 0)
		r = -errno;
	if (r < 0)
		r = write_zeroes(f, at, len);
	if (r == 0)
		changed(f, at, at + len);
	return r;
}

int blk_file_discard(struct blk_file *f, uint64_t at, uint64_t len)
{
	uint64_t end = at + len;

	if (len == 0)
		return 0;
	if (!f->bitmap) {
		(void)punch(f, at, len); /* a hint: who can't keeps the bytes */
		return 0;
	}
	while (at < end) {
		uint64_t to = (at / BLK_CLUSTER + 1) * BLK_CLUSTER;

		to = to < end ? to : end;
		if (has(f, at / BLK_CLUSTER))
			(void)punch(f, at, to - at);
		at = to;
	}
	return 0;
}

int blk_file_flush(struct blk_file *f)
{
	/* the table must not speak of clusters whose bytes a power cut would lose */
	if (fdatasync(f->fd) < 0)
		return -errno;
	if (f->dirty_from >= f->dirty_to)
		return 0;
	if (write_table(f) < 0 || fdatasync(f->fd) < 0)
		return -EIO;
	return 0;
}
