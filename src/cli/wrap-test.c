/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/test.h"
#include "cli/wrap.h"

static void expect_wrapped(const char *text, unsigned columns, const char *want)
{
	auto_buf struct buf out = { 0 };

	expect(wrap_text(text, columns, &out) == 0);
	expect_str(out.data ? out.data : "", want);
}

TEST(paragraphs_are_filled_and_kept_apart)
{
	expect_wrapped(
		"one two three four five six", 24, "one two three four five\nsix\n");
	expect_wrapped("one\ntwo\n\nthree", 40, "one two\n\nthree\n");
	expect_wrapped("", 40, "");
}

TEST(a_line_that_begins_with_a_space_stands_as_it_is)
{
	expect_wrapped("see:\n  a   b\n  c\nthen this", 40,
		"see:\n\n  a   b\n  c\n\nthen this\n");
}

TEST(a_word_that_is_too_long_gets_a_line_of_its_own)
{
	expect_wrapped("a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b", 24,
		"a\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb\n");
}

TEST(an_item_hangs_under_its_own_column)
{
	auto_buf struct buf out = { 0 };
	struct wrap_item item = { "  run", "one two three four five six", 8, 32 };

	expect(wrap_item(&item, &out) == 0);
	expect_str(out.data, "  run   one two three four five\n        six\n");
	out.len = 0;
	item = (struct wrap_item){ "  longname", "x", 8, 80 };
	expect(wrap_item(&item, &out) == 0);
	expect_str(out.data, "  longname\n        x\n");
}
