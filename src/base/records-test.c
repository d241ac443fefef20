/* SPDX-License-Identifier: Apache-2.0 */
#include "base/records.h"

#include "base/err.h"
#include "base/test.h"

#include <string.h>

#define MAGIC 0x1122334455667788ULL

static struct buf three(void)
{
	struct buf b = { 0 };

	expect(records_begin(&b, MAGIC, 3) == 0);
	expect(records_put(&b, 1, "one", 3) == 0 && records_put(&b, 2, NULL, 0) == 0);
	expect(records_put(&b, 3, "three", 5) == 0);
	records_end(&b);
	return b;
}

static int check(const struct buf *b, struct span *s, struct err *e)
{
	return records_check(b->data, b->len, MAGIC, 3, s, "it", e);
}

TEST(records_come_out_as_they_went_in_and_in_order)
{
	struct buf b = three();
	struct span s, got;
	struct err e = { 0 };

	expect(check(&b, &s, &e) == 0);
	expect(records_get(&s, 2, &got) == -EBADMSG);
	expect(records_get(&s, 1, &got) == 0 && got.left == 3 &&
		!memcmp(got.at, "one", 3));
	expect(records_get(&s, 2, &got) == 0 && got.left == 0);
	expect(records_get(&s, 3, &got) == 0 && got.left == 5 && s.left == 0);
	expect(records_get(&s, 4, &got) == -EBADMSG);
	buf_clear(&b);
}

TEST(every_bit_counts_and_every_length)
{
	struct buf b = three();
	struct err e = { 0 };
	struct span s;

	for (size_t i = 0; i < b.len * 8; i++) {
		b.data[i / 8] ^= (char)(1 << i % 8);
		expect(check(&b, &s, &e) < 0);
		b.data[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t n = b.len - 1; n; n--) {
		size_t whole = b.len;

		b.len = n;
		expect(check(&b, &s, &e) == -EBADMSG);
		b.len = whole;
	}
	expect(buf_add(&b, "", 1) == 0 && check(&b, &s, &e) == -EBADMSG);
	buf_clear(&b);
}

TEST(another_version_is_told_from_damage)
{
	struct buf b = three();
	struct err e = { 0 };
	struct span s;

	b.data[8] = 4;
	expect(check(&b, &s, &e) == -ENOTSUP && strstr(e.msg, "version 4"));
	buf_clear(&b);
}
