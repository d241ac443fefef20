/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stage.h"

#include "base/err.h"
#include "base/test.h"

#include <errno.h>

struct trail {
	char text[64];
	int fail_up, fail_down; /* the letter of the stage that fails */
};

static int step(struct trail *t, char letter, int fail, struct err *e)
{
	size_t n = strlen(t->text);

	t->text[n] = letter;
	return fail == letter ? err_set(e, EIO, "stage %c", letter) : 0;
}

#define STAGE(up_letter, down_letter)                             \
	static int up_##up_letter(void *with, struct err *e)      \
	{                                                         \
		struct trail *t = with;                           \
		return step(t, #up_letter[0], t->fail_up, e);     \
	}                                                         \
	static int down_##up_letter(void *with, struct err *e)    \
	{                                                         \
		struct trail *t = with;                           \
		return step(t, #down_letter[0], t->fail_down, e); \
	}
STAGE(a, A)
STAGE(b, B)
STAGE(c, C)

static const struct stage table[] = {
	{ "first", up_a, down_a },
	{ "second", up_b, down_b },
	{ "nothing", NULL, NULL },
	{ "third", up_c, down_c },
};
#define N (sizeof(table) / sizeof(*table))

static void count(void *with, const char *name, uint64_t ns)
{
	struct trail *t = with;

	(void)name;
	(void)ns;
	(void)step(t, '.', 0, NULL);
}

TEST(goes_up_in_order_and_tells_of_each)
{
	struct trail t = { 0 };

	expect(stages_up(table, N, &t, count, NULL) == 0);
	expect_str(t.text, "a.b..c.");
}

TEST(comes_down_in_reverse_from_the_stage_that_failed)
{
	struct trail t = { .fail_up = 'b' };
	struct err e = { 0 };

	expect(stages_up(table, N, &t, NULL, &e) == -EIO);
	/* also of the stage that failed, which may be half-way up */
	expect_str(t.text, "abBA");
	expect_str(e.msg, "stage b");
}

TEST(goes_on_down_after_a_failure_and_reports_the_first)
{
	struct trail t = { .fail_down = 'B' };
	struct err e = { 0 };

	expect(stages_down(table, N, &t, &e) == -EIO);
	expect_str(t.text, "CBA");
	expect_str(e.msg, "undo 'second': stage B");
	expect(stages_down(table, N, &t, NULL) == -EIO);
}

TEST(a_failure_on_the_way_down_does_not_hide_the_first_one)
{
	struct trail t = { .fail_up = 'c', .fail_down = 'A' };
	struct err e = { 0 };

	expect(stages_up(table, N, &t, NULL, &e) == -EIO);
	expect_str(e.msg, "stage c");
	expect_str(t.text, "abcCBA");
}
