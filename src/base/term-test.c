/* SPDX-License-Identifier: Apache-2.0 */
#include "base/term.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"

#include <fcntl.h>
#include <sys/ioctl.h>

static void keys(const char *text, struct term_keys *k)
{
	struct err e = { 0 };

	expect(term_keys_parse(text, k, &e) == 0);
}

TEST(names_of_keys_are_understood)
{
	struct term_keys k;

	keys("ctrl-p,ctrl-q", &k);
	expect(k.n == 2 && k.key[0] == 0x10 && k.key[1] == 0x11);
	keys("ctrl-\\", &k);
	expect(k.n == 1 && k.key[0] == 0x1c);
	keys("ctrl-@,a,~", &k);
	expect(k.n == 3 && k.key[0] == 0 && k.key[1] == 'a' && k.key[2] == '~');
	keys("", &k);
	expect(k.n == 0);
}

TEST(what_is_no_key_is_quoted)
{
	static const char *const bad[] = { "ctrl-", "ctrl-pp", "ctrl-P", "alt-x",
		"a,ctrl-1", "a,b,c,d,e,f,g,h,i" };
	struct term_keys k;
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect(term_keys_parse(bad[i], &k, &e) == -EINVAL);
	(void)term_keys_parse("alt-x", &k, &e);
	expect(strstr(e.msg, "'alt-x'"));
}

/* Filter 'in' in pieces of 'piece' bytes. Returns whether the keys were typed. */
static bool filter(const char *text, const char *in, size_t piece, char out[64])
{
	struct term_keys k;
	size_t len = strlen(in), n = 0;
	bool hit = false;

	keys(text, &k);
	for (size_t at = 0; at < len && !hit; at += piece) {
		unsigned char some[64 + TERM_KEYS_MAX];
		size_t take = len - at < piece ? len - at : piece, got;

		got = term_keys_filter(
			&k, (const unsigned char *)in + at, take, some, &hit);
		memcpy(out + n, some, got);
		n += got;
	}
	out[n] = '\0';
	return hit;
}

TEST(keys_are_found_and_the_rest_goes_on)
{
	char out[64];

	for (size_t piece = 1; piece < 8; piece++) {
		expect(filter("x,y", "abxyz", piece, out));
		expect_str(out, "ab");
		expect(!filter("x,y", "axbxxc", piece, out));
		expect_str(out, "axbxxc");
		expect(filter("x,y", "axxy", piece, out));
		expect_str(out, "ax");
		expect(!filter("", "abc", piece, out));
		expect_str(out, "abc");
	}
}

TEST(a_part_of_the_keys_is_held_until_it_is_known)
{
	char out[64];

	expect(!filter("x,y", "ax", 1, out));
	expect_str(out, "a");
}

TEST(keys_that_begin_alike_are_found)
{
	char out[64];

	for (size_t piece = 1; piece < 8; piece++) {
		expect(filter("a,a,b", "aaab", piece, out));
		expect_str(out, "a");
		expect(filter("a,b,a,c", "ababac", piece, out));
		expect_str(out, "ab");
	}
}

TEST(a_terminal_is_raw_and_then_as_before)
{
	auto_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	auto_fd int slave = -1;
	struct winsize size = { .ws_row = 12, .ws_col = 34 };
	struct termios now;
	struct term t = { 0 };
	uint16_t rows, cols;

	if (master < 0 || unlockpt(master) < 0)
		test_skip("no pseudo terminals");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	expect(slave >= 0);
	expect(ioctl(slave, TIOCSWINSZ, &size) == 0);
	expect(term_size(slave, &rows, &cols) && rows == 12 && cols == 34);
	expect(term_raw(&t, slave, NULL) == 0);
	expect(tcgetattr(slave, &now) == 0 && !(now.c_lflag & (ICANON | ECHO | ISIG)));
	term_restore(&t);
	expect(tcgetattr(slave, &now) == 0 && (now.c_lflag & ICANON));
	term_restore(&t);
}

TEST(what_is_no_terminal_says_so)
{
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct term t = { 0 };
	struct err e = { 0 };
	uint16_t rows, cols;

	expect(term_raw(&t, null, &e) == -ENOTTY && !t.raw);
	expect(!term_size(null, &rows, &cols));
	term_restore(&t);
}
