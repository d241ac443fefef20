/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/err.h"
#include "base/test.h"

TEST(sizes_are_powers_of_1024)
{
	struct err e = { 0 };
	uint64_t n;

	expect(str_to_size("4096", &n, &e) == 0 && n == 4096);
	expect(str_to_size("512k", &n, &e) == 0 && n == 512 * 1024);
	expect(str_to_size("1.5g", &n, &e) == 0 && n == 3ULL << 29);
	expect(str_to_size("2MiB", &n, &e) == 0 && n == 2 << 20);
	expect(str_to_size("", &n, &e) < 0 && str_to_size("k", &n, &e) < 0);
	expect(str_to_size("-1", &n, &e) < 0 && str_to_size("1x", &n, &e) < 0);
	expect(str_to_size("99999999999t", &n, &e) < 0);
}

TEST(durations_add_up)
{
	struct err e = { 0 };
	uint64_t n;

	expect(str_to_duration("30", &n, &e) == 0 && n == 30000000000ULL);
	expect(str_to_duration("1h30m", &n, &e) == 0 && n == 5400000000000ULL);
	expect(str_to_duration("500ms", &n, &e) == 0 && n == 500000000ULL);
	expect(str_to_duration("1.5s", &n, &e) == 0 && n == 1500000000ULL);
	expect(str_to_duration("", &n, &e) < 0 && str_to_duration("soon", &n, &e) < 0);
}

TEST(numbers_are_bounded_and_whole)
{
	struct err e = { 0 };
	uint64_t n;

	expect(str_to_uint("65535", 65535, "port", &n, &e) == 0 && n == 65535);
	expect(str_to_uint("65536", 65535, "port", &n, &e) == -ERANGE);
	expect(str_to_uint("1a", 10, "port", &n, &e) == -EINVAL);
	expect(str_to_uint("99999999999999999999", UINT64_MAX, "n", &n, &e) == -ERANGE);
}

TEST(the_nearest_word_is_suggested_only_when_near)
{
	static const char *const words[] = { "image", "wall", "machine" };

	expect_str(str_nearest("imgae", words, 3), "image");
	expect(!str_nearest("zzzzzzzz", words, 3));
}

TEST(escapes_make_terminal_tricks_visible)
{
	auto_free char *a = str_escape("a\x1b[2Jb"), *b = str_escape("caf\xc3\xa9 \xff");
	auto_free char *c = str_escape("x\xe2\x80\xaey");

	expect_str(a, "a\\x1b[2Jb");
	expect_str(b, "caf\xc3\xa9 \\xff");
	expect_str(c, "x\\xe2\\x80\\xaey");
}
