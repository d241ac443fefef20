/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/snapshot-sums.h"

#include "base/err.h"
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SIZE (5U * SUMS_PIECE + 8192U)

static int file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	expect(fd >= 0);
	return fd;
}

static int some_memory(void)
{
	int fd = file("memory");

	expect(ftruncate(fd, SIZE) == 0);
	expect(pwrite(fd, "first", 5, 100) == 5);
	expect(pwrite(fd, "later", 5, 3 * SUMS_PIECE + 5000) == 5);
	expect(pwrite(fd, "last", 4, SIZE - 4) == 4);
	/* there, but nothing */
	expect(pwrite(fd, "\0\0\0\0", 4, 2 * SUMS_PIECE) == 4);
	return fd;
}

static struct sums copied(int from, int *ret_to)
{
	struct sums s = { 0 };
	struct err e = { 0 };

	*ret_to = file("copy");
	expect(sums_copy_memory(from, *ret_to, &s, &e) == 0);
	return s;
}

TEST(memory_is_copied_without_its_holes_and_checks)
{
	int from = some_memory(), to;
	struct sums s = copied(from, &to);
	struct err e = { 0 };
	struct stat st;
	char text[6] = { 0 };

	expect(s.memory == SIZE && s.pieces == 6);
	expect(s.piece[0] && !s.piece[1] && !s.piece[2] && s.piece[3] && !s.piece[4]);
	expect(pread(to, text, 5, 3 * SUMS_PIECE + 5000) == 5);
	expect_str(text, "later");
	expect(fstat(to, &st) == 0 && st.st_size == SIZE &&
		st.st_blocks * 512 <= 3 * 8192);
	expect(sums_check_memory(&s, to, &e) == 0 &&
		sums_check_memory(&s, from, &e) == 0);
	sums_clear(&s);
}

TEST(a_bit_a_hole_and_an_end_that_are_others_are_found)
{
	int from = some_memory(), to;
	struct sums s = copied(from, &to);
	struct err e = { 0 };

	expect(pwrite(to, "F", 1, 100) == 1);
	expect(sums_check_memory(&s, to, &e) == -EBADMSG && strstr(e.msg, "bytes 0 to"));
	expect(pwrite(to, "f", 1, 100) == 1 && sums_check_memory(&s, to, &e) == 0);
	/* something where nothing was, and nothing where something was */
	expect(pwrite(to, "x", 1, SUMS_PIECE) == 1);
	expect(sums_check_memory(&s, to, &e) == -EBADMSG);
	expect(pwrite(to, "\0", 1, SUMS_PIECE) == 1 &&
		sums_check_memory(&s, to, &e) == 0);
	expect(fallocate(to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3 * SUMS_PIECE,
		       SUMS_PIECE) == 0);
	expect(sums_check_memory(&s, to, &e) == -EBADMSG);
	expect(ftruncate(from, SIZE - 4096) == 0);
	expect(sums_check_memory(&s, from, &e) == -EBADMSG && strstr(e.msg, "cut short"));
	sums_clear(&s);
}

TEST(the_list_comes_out_as_it_went_in_and_damage_is_refused)
{
	AUTO(buf_clear) struct buf b = { 0 };
	int from = some_memory(), to;
	struct sums s = copied(from, &to), got;
	struct err e = { 0 };

	s.file[2].size = 77;
	s.file[2].crc = 0xabcd;
	expect(sums_format(&s, &b, &e) == 0 && sums_parse(b.data, b.len, &got, &e) == 0);
	expect(got.memory == s.memory && got.pieces == s.pieces);
	expect(memcmp(got.piece, s.piece, s.pieces * 4) == 0);
	expect(got.file[2].size == 77 && got.file[2].crc == 0xabcd);
	sums_clear(&got);
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 1;
		expect(sums_parse(b.data, b.len, &got, &e) < 0 && !got.piece);
		b.data[i] ^= 1;
		expect(sums_parse(b.data, i, &got, &e) == -EBADMSG);
	}
	sums_clear(&s);
}
