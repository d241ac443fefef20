/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/snapshot-sums.h"

#include "base/crc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/records.h"

#include <string.h>
#include <sys/mman.h>

#define MAGIC   0x534d555347495242ULL /* "BRIGSUMS" */
#define VERSION 1U
#define PAGE    4096U

#define SMALL_MAX (64U << 20)

enum tag { TAG_FILES = 1, TAG_MEMORY };

void sums_clear(struct sums *s)
{
	free(s->piece);
	*s = (struct sums){ 0 };
}

static size_t pieces_of(uint64_t memory)
{
	return (size_t)((memory + SUMS_PIECE - 1) / SUMS_PIECE);
}

static int parse(struct span *s, struct sums *ret)
{
	struct span got;
	uint32_t piece;

	if (records_get(s, TAG_FILES, &got) < 0)
		return -EBADMSG;
	for (unsigned i = 0; i < SUMS_FILES; i++)
		if (state_get64(&got, &ret->file[i].size) < 0 ||
			state_get32(&got, &ret->file[i].crc) < 0)
			return -EBADMSG;
	if (got.left || records_get(s, TAG_MEMORY, &got) < 0 ||
		state_get64(&got, &ret->memory) < 0 || state_get32(&got, &piece) < 0 ||
		piece != SUMS_PIECE || got.left % 4 ||
		got.left / 4 != pieces_of(ret->memory) || s->left)
		return -EBADMSG;
	ret->pieces = got.left / 4;
	ret->piece = calloc(ret->pieces ? ret->pieces : 1, sizeof(*ret->piece));
	if (!ret->piece)
		return -ENOMEM;
	for (size_t i = 0; i < ret->pieces; i++)
		(void)state_get32(&got, &ret->piece[i]);
	return 0;
}

int sums_parse(const void *data, size_t n, struct sums *ret, struct err *e)
{
	struct span s;
	int r = records_check(data, n, MAGIC, VERSION, &s, "the list of checksums", e);

	*ret = (struct sums){ 0 };
	if (r < 0)
		return r;
	r = parse(&s, ret);
	if (r < 0) {
		sums_clear(ret);
		return err_set(e, -r, "the list of checksums is damaged");
	}
	return 0;
}

int sums_format(const struct sums *s, struct buf *ret, struct err *e)
{
	size_t at;
	int r = records_begin(ret, MAGIC, VERSION);

	r = r < 0 ? r : records_open(ret, TAG_FILES, &at);
	for (unsigned i = 0; r == 0 && i < SUMS_FILES; i++) {
		r = state_put64(ret, s->file[i].size);
		r = r < 0 ? r : state_put32(ret, s->file[i].crc);
	}
	if (r == 0) {
		records_close(ret, at);
		r = records_open(ret, TAG_MEMORY, &at);
	}
	r = r < 0 ? r : state_put64(ret, s->memory);
	r = r < 0 ? r : state_put32(ret, SUMS_PIECE);
	for (size_t i = 0; r == 0 && i < s->pieces; i++)
		r = state_put32(ret, s->piece[i]);
	if (r < 0)
		return err_set(e, -r, "write the list of checksums: %s", err_text(-r));
	records_close(ret, at);
	records_end(ret);
	return 0;
}

int sums_of_file(int fd, const char *name, uint64_t *size, uint32_t *crc, struct err *e)
{
	auto_buf struct buf b = { .max = SMALL_MAX };
	int r = file_read_fd(fd, name, SMALL_MAX, &b, e);

	if (r < 0)
		return r;
	*size = b.len;
	*crc = crc32c(0, b.data, b.len);
	return 0;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* What isn't zero of a piece goes to the file. */
static int write_piece(int to, const uint8_t *p, size_t n, uint64_t at, struct err *e)
{
	size_t end;

	for (size_t i = 0; i < n; i = end) {
		end = i + PAGE < n ? i + PAGE : n;
		if (is_zero(p + i, end - i))
			continue;
		while (end < n && !is_zero(p + end, end + PAGE < n ? PAGE : n - end))
			end = end + PAGE < n ? end + PAGE : n;
		for (size_t done = i; done < end;) {
			ssize_t k = pwrite(to, p + done, end - done, (off_t)(at + done));

			if (k < 0 && errno != EINTR)
				return err_sys(e, "write the machine's memory");
			done += k > 0 ? (size_t)k : 0;
		}
	}
	return 0;
}

/* Call 'each' for every piece that isn't certainly a hole. */
static int walk(int fd, const struct sums *s,
	int (*each)(void *with, size_t i, const uint8_t *p, size_t n, struct err *e),
	void *with, struct err *e)
{
	auto_free uint8_t *buf = malloc(SUMS_PIECE);

	if (!buf)
		return err_set(e, ENOMEM, "out of memory");
	for (uint64_t at = 0; at < s->memory;) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		size_t n, got = 0;
		int r;

		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0)
			return err_sys(e, "read the machine's memory");
		at = (uint64_t)data / SUMS_PIECE * SUMS_PIECE;
		n = s->memory - at < SUMS_PIECE ? (size_t)(s->memory - at) : SUMS_PIECE;
		while (got < n) {
			ssize_t k = pread(fd, buf + got, n - got, (off_t)(at + got));

			if (k == 0)
				return err_set(
					e, EBADMSG, "the machine's memory is cut short");
			if (k < 0 && errno != EINTR)
				return err_sys(e, "read the machine's memory");
			got += k > 0 ? (size_t)k : 0;
		}
		r = each(with, (size_t)(at / SUMS_PIECE), buf, n, e);
		if (r < 0)
			return r;
		at += n;
	}
	return 0;
}

static uint32_t sum_of(const uint8_t *p, size_t n)
{
	uint32_t crc = is_zero(p, n) ? 0 : crc32c(0, p, n);

	/* 0 is that of zeros, which are not there */
	return crc || is_zero(p, n) ? crc : 1;
}

struct copying {
	int to;
	struct sums *sums;
};

static int copy_piece(void *with, size_t i, const uint8_t *p, size_t n, struct err *e)
{
	struct copying *c = with;

	c->sums->piece[i] = sum_of(p, n);
	return write_piece(c->to, p, n, (uint64_t)i * SUMS_PIECE, e);
}

int sums_copy_memory(int from, int to, struct sums *ret, struct err *e)
{
	off_t size = lseek(from, 0, SEEK_END);

	if (size < 0 || ftruncate(to, size) < 0)
		return err_sys(e, "make the file of the machine's memory");
	ret->memory = (uint64_t)size;
	ret->pieces = pieces_of(ret->memory);
	free(ret->piece);
	ret->piece = calloc(ret->pieces ? ret->pieces : 1, sizeof(*ret->piece));
	if (!ret->piece)
		return err_set(e, ENOMEM, "out of memory");
	return walk(from, ret, copy_piece, &(struct copying){ to, ret }, e);
}

struct checking {
	const struct sums *sums;
	size_t next;
};

static int gap(const struct checking *c, size_t to, struct err *e)
{
	for (size_t i = c->next; i < to; i++)
		if (c->sums->piece[i])
			return err_set(e, EBADMSG,
				"the machine's memory is damaged: from byte %llu on "
				"nothing is "
				"there",
				(unsigned long long)i * SUMS_PIECE);
	return 0;
}

static int check_piece(void *with, size_t i, const uint8_t *p, size_t n, struct err *e)
{
	struct checking *c = with;
	int r = gap(c, i, e);

	if (r < 0)
		return r;
	c->next = i + 1;
	return sum_of(p, n) == c->sums->piece[i]
		? 0
		: err_set(e, EBADMSG,
			  "the machine's memory is damaged: the checksum of bytes %llu "
			  "to %llu "
			  "is wrong",
			  (unsigned long long)i * SUMS_PIECE,
			  (unsigned long long)i * SUMS_PIECE + n);
}

int sums_check_memory(const struct sums *s, int fd, struct err *e)
{
	struct checking c = { s, 0 };
	int r;

	if (lseek(fd, 0, SEEK_END) != (off_t)s->memory)
		return err_set(e, EBADMSG, "the machine's memory is cut short");
	r = walk(fd, s, check_piece, &c, e);
	return r < 0 ? r : gap(&c, s->pieces, e);
}
