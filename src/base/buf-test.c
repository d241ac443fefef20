/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/test.h"

#include <errno.h>
#include <fcntl.h>

TEST(text_is_followed_by_a_nul_that_is_not_counted)
{
	auto_buf struct buf b = { 0 };

	expect(buf_add(&b, "abc", 3) == 0 && b.len == 3);
	expect_str(b.data, "abc");
	expect(buf_add_str(&b, "def") == 0 && buf_addf(&b, "-%d", 42) == 0);
	expect_str(b.data, "abcdef-42");
	expect(buf_add(&b, NULL, 0) == 0 && b.len == 9);
}

TEST(over_the_bound_the_contents_stay)
{
	auto_buf struct buf b = { .max = 8 };

	expect(buf_add(&b, "12345678", 8) == 0);
	expect(buf_add(&b, "9", 1) == -EMSGSIZE);
	expect(buf_addf(&b, "%s", "x") == -EMSGSIZE);
	expect(buf_reserve(&b, SIZE_MAX) == -EMSGSIZE);
	expect(b.len == 8);
	expect_str(b.data, "12345678");
}

TEST(bytes_are_dropped_from_the_front)
{
	auto_buf struct buf b = { 0 };

	buf_drop(&b, 3);
	expect(b.len == 0);
	expect(buf_add_str(&b, "abcdef") == 0);
	buf_drop(&b, 2);
	expect_str(b.data, "cdef");
	buf_drop(&b, 100);
	expect(b.len == 0);
	expect_str(b.data, "");
}

TEST(what_is_taken_is_the_callers)
{
	struct buf b = { .max = 16 };
	char *text;

	expect(buf_add_str(&b, "mine") == 0);
	text = buf_take(&b);
	expect_str(text, "mine");
	free(text);
	expect(!b.data && b.len == 0 && b.max == 16);
	text = buf_take(&b);
	expect_str(text, "");
	free(text);
}

TEST(reads_what_a_descriptor_has_now)
{
	auto_buf struct buf b = { 0 };
	int p[2];

	expect(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	expect(buf_read(&b, p[0], 10) == -EAGAIN);
	expect(write(p[1], "hello", 5) == 5);
	expect(buf_read(&b, p[0], 3) == 3 && buf_read(&b, p[0], 100) == 2);
	expect_str(b.data, "hello");
	(void)close(p[1]);
	expect(buf_read(&b, p[0], 10) == 0);
	(void)close(p[0]);
	expect(buf_read(&b, -1, 10) == -EBADF);
	expect_str(b.data, "hello");
}
