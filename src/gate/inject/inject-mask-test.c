/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-mask.h"

#include "base/test.h"

/* Feed 'text' in pieces of 'piece' bytes. */
static void masks(struct inject_mask *m, const char *text, size_t piece, const char *want)
{
	auto_buf struct buf out = { 0 };
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += piece)
		expect(inject_mask_feed(m, text + at, len - at < piece ? len - at : piece,
			       &out) == 0);
	expect(inject_mask_end(m, &out) == 0);
	expect_str(out.data ? out.data : "", want);
}

static struct inject_mask *mask_for(const char *a, const char *b)
{
	struct inject_mask *m = inject_mask_new();

	expect(m && inject_mask_add(m, a, strlen(a)) == 0);
	if (b)
		expect(inject_mask_add(m, b, strlen(b)) == 0);
	return m;
}

TEST(a_secret_is_masked_wherever_the_pieces_are_cut)
{
	struct inject_mask *m = mask_for("sk-secret-1", NULL);

	for (size_t piece = 1; piece < 40; piece++) {
		masks(m, "a sk-secret-1 b sk-secret-1", piece,
			"a *********** b ***********");
		masks(m, "sk-sk-secret-1sk-secret-", piece, "sk-***********sk-secret-");
		masks(m, "nothing to see", piece, "nothing to see");
		masks(m, "", piece, "");
	}
	inject_mask_free(m);
}

TEST(a_secret_that_overlaps_itself_is_masked_throughout)
{
	struct inject_mask *m = mask_for("abcabcabc", NULL);

	for (size_t piece = 1; piece < 20; piece++) {
		masks(m, "xabcabcabcabcx", piece, "x************x");
		masks(m, "abcabcab abcabcabc", piece, "abcabcab *********");
	}
	inject_mask_free(m);
}

TEST(two_secrets_may_overlap)
{
	struct inject_mask *m = mask_for("aaaabbbb", "bbbbcccc");

	for (size_t piece = 1; piece < 20; piece++) {
		masks(m, "aaaabbbbcccc", piece, "************");
		masks(m, "aaaabbbcccc", piece, "aaaabbbcccc");
		masks(m, "bbbbccccaaaabbbb", piece, "****************");
	}
	inject_mask_free(m);
}

TEST(what_cannot_be_a_secret_is_not_held_back)
{
	struct inject_mask *m = mask_for("sk-secret-1", NULL);
	auto_buf struct buf out = { 0 };

	expect(inject_mask_feed(m, "data: x\n\n", 9, &out) == 0);
	expect_str(out.data, "data: x\n\n");
	expect(inject_mask_feed(m, "data: sk", 8, &out) == 0);
	expect_str(out.data, "data: x\n\ndata: ");
	expect(inject_mask_feed(m, "y", 1, &out) == 0);
	expect_str(out.data, "data: x\n\ndata: sky");
	expect(inject_mask_feed(m, "sk-secret-1", 11, &out) == 0);
	expect_str(out.data, "data: x\n\ndata: sky***********");
	inject_mask_free(m);
}

TEST(short_secrets_are_left_out_and_doubles_count_once)
{
	struct inject_mask *m = inject_mask_new();

	expect(inject_mask_add(m, "short", 5) == 0);
	expect(!inject_mask_active(m));
	for (int i = 0; i < 100; i++)
		expect(inject_mask_add(m, "longer-than-8", 13) == 0);
	expect(inject_mask_active(m));
	inject_mask_free(m);
}

TEST(a_text_is_masked_in_place)
{
	struct inject_mask *m = mask_for("sk-secret-1", "c2stc2VjcmV0LTE=");
	char text[] = "Basic c2stc2VjcmV0LTE=, sk-secret-1";

	inject_mask_text(m, text);
	expect_str(text, "Basic ****************, ***********");
	inject_mask_free(m);
}
