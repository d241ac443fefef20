/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Besides not crashing: what is left after entries were cut parses to exactly the
 * other entries, and an entry that is written out reads back the same.
 */
#include "sandbox/gitconfig.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void same(const struct gitconfig_entry *a, const struct gitconfig_entry *b)
{
	if (!str_eq(a->key, b->key) || !str_eq(a->value, b->value))
		abort();
}

static void check_cut(
	const char *text, size_t len, const struct gitconfig *c, unsigned every)
{
	auto_free bool *cut = calloc(c->n + 1, sizeof(*cut));
	auto_gitconfig struct gitconfig left = { 0 };
	auto_buf struct buf out = { 0 };
	struct err e = { 0 };
	size_t at = 0;

	for (size_t i = 0; cut && i < c->n; i++)
		cut[i] = i % every == 0;
	if (!cut || gitconfig_cut(text, len, c, cut, &out) < 0)
		return;
	if (gitconfig_parse(out.data, out.len, &left, &e) < 0)
		abort();
	for (size_t i = 0; i < c->n; i++) {
		if (cut[i])
			continue;
		if (at == left.n)
			abort();
		same(&c->v[i], &left.v[at++]);
	}
	if (at != left.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	auto_gitconfig struct gitconfig c = { 0 };
	struct err e = { 0 };

	if (gitconfig_parse(text, len, &c, &e) < 0)
		return 0;
	check_cut(text, len, &c, 1);
	check_cut(text, len, &c, 2);
	for (size_t i = 0; i < c.n && i < 64; i++) {
		auto_gitconfig struct gitconfig back = { 0 };
		auto_buf struct buf out = { 0 };

		(void)gitconfig_danger(&c.v[i]);
		if (!strchr(c.v[i].key, '.') || gitconfig_write(&c.v[i], &out) < 0)
			continue;
		if (gitconfig_parse(out.data, out.len, &back, &e) < 0 || back.n != 1)
			abort();
		same(&c.v[i], &back.v[0]);
	}
	return 0;
}
