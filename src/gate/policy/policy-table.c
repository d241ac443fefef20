/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A name is hashed from its end, so that one pass over its bytes gives
 * the hash of every suffix that a wildcard could be about. Open addressing, at most half
 * full; the keys are the rules', so a sandbox that picks names can't lengthen a search
 * beyond what the rules made.
 */
#include "gate/policy/policy-table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_START 0xcbf29ce484222325ULL
#define HASH_PRIME 0x100000001b3ULL /* FNV-1a */

static uint64_t hash_byte(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * HASH_PRIME;
}

static uint64_t finish(uint64_t h, unsigned kind)
{
	h = (h ^ (h >> 32) ^ kind * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;
	return h ^ (h >> 29);
}

struct policy_item policy_item_name(const char *pattern, uint32_t value)
{
	size_t stars = strspn(pattern, "*");
	const char *key = pattern + (stars ? stars + 1 : 0);
	struct policy_item item = { .key = key, .value = value };
	uint64_t h = HASH_START;

	item.kind = (uint16_t)(POLICY_KEY_EXACT + stars);
	item.len = (uint16_t)strlen(key);
	for (size_t i = item.len; i > 0; i--)
		h = hash_byte(h, key[i - 1]);
	item.hash = finish(h, item.kind);
	return item;
}

struct policy_item policy_item_range(const struct address_range *r, uint32_t value)
{
	struct policy_item item = { .key = r->base.b, .value = value };

	item.kind = (uint16_t)(POLICY_KEY_RANGE + r->bits);
	item.len = sizeof(r->base.b);
	item.hash = finish(address_hash(&r->base), item.kind);
	return item;
}

static int compare_keys(const struct policy_item *a, const struct policy_item *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->key, b->key, a->len);
}

static int compare(const void *va, const void *vb)
{
	const struct policy_item *a = va, *b = vb;
	int c = compare_keys(a, b);

	return c ? c : (a->value > b->value) - (a->value < b->value);
}

static void put(struct policy_table *t, const struct policy_slot *s)
{
	size_t at = s->hash & t->mask;

	while (t->slots[at].n)
		at = (at + 1) & t->mask;
	t->slots[at] = *s;
}

/* Remember which look-ups can have an answer at all. */
static void note(
	struct policy_table *t, const struct policy_item *i, bool v4[33], bool v6[129])
{
	struct address base;
	unsigned bits = (unsigned)i->kind - POLICY_KEY_RANGE;

	if (i->kind == POLICY_KEY_STAR || i->kind == POLICY_KEY_STARS) {
		uint16_t *max = &t->stars_max[i->kind - POLICY_KEY_STAR];

		*max = i->len > *max ? i->len : *max;
	}
	if (i->kind < POLICY_KEY_RANGE)
		return;
	memcpy(base.b, i->key, sizeof(base.b));
	if (bits >= 96 && address_is_v4(&base))
		v4[bits - 96] = true;
	else
		v6[bits] = true;
}

int policy_table_build(struct policy_table *t, struct policy_item *items, size_t n)
{
	bool v4[33] = { false }, v6[129] = { false };
	size_t size = 4;

	while (size < n * 2)
		size *= 2;
	t->mask = size - 1;
	t->slots = calloc(size, sizeof(*t->slots));
	t->values = calloc(n ? n : 1, sizeof(*t->values));
	if (!t->slots || !t->values)
		return -ENOMEM;
	if (n)
		qsort(items, n, sizeof(*items), compare);
	for (size_t i = 0, next; i < n; i = next) {
		struct policy_slot s = { .hash = items[i].hash,
			.key = items[i].key,
			.first = (uint32_t)i,
			.kind = items[i].kind,
			.len = items[i].len };

		for (next = i; next < n && compare_keys(&items[i], &items[next]) == 0;
			next++)
			t->values[next] = items[next].value;
		s.n = (uint32_t)(next - i);
		put(t, &s);
		note(t, &items[i], v4, v6);
	}
	for (unsigned i = 0; i <= 32; i++)
		if (v4[i])
			t->v4_bits[t->v4_n++] = (uint8_t)(96 + i);
	for (unsigned i = 0; i <= 128; i++)
		if (v6[i])
			t->v6_bits[t->v6_n++] = (uint8_t)i;
	return 0;
}

void policy_table_clear(struct policy_table *t)
{
	free(t->slots);
	free(t->values);
	*t = (struct policy_table){ 0 };
}

/* The run of a key, added to 'ret'. */
static size_t find(const struct policy_table *t, const struct policy_item *want,
	struct policy_span *ret)
{
	size_t at = want->hash & t->mask;

	for (; t->slots[at].n; at = (at + 1) & t->mask) {
		const struct policy_slot *s = &t->slots[at];

		if (s->hash == want->hash && s->kind == want->kind &&
			s->len == want->len &&
			memcmp(s->key, want->key, want->len) == 0) {
			*ret = (struct policy_span){ t->values + s->first, s->n };
			return 1;
		}
	}
	return 0;
}

size_t policy_table_name(const struct policy_table *t, const char *name,
	struct policy_span ret[POLICY_SPANS_MAX])
{
	size_t len = strlen(name), n = 0;
	const char *first = strchr(name, '.');
	uint64_t h = HASH_START;
	struct policy_item want;

	if (len > NAME_MAX_LEN)
		return 0;
	for (size_t i = len; i > 0; i--) {
		const char *dot = name + i - 1;

		want = (struct policy_item){ .key = dot + 1, .len = (uint16_t)(len - i) };
		if (*dot == '.' && want.len <= t->stars_max[1]) {
			want.kind = POLICY_KEY_STARS;
			want.hash = finish(h, want.kind);
			n += find(t, &want, ret + n);
		}
		if (dot == first && want.len <= t->stars_max[0]) {
			want.kind = POLICY_KEY_STAR;
			want.hash = finish(h, want.kind);
			n += find(t, &want, ret + n);
		}
		h = hash_byte(h, *dot);
	}
	want = (struct policy_item){ .key = name, .len = (uint16_t)len };
	want.hash = finish(h, POLICY_KEY_EXACT);
	return n + find(t, &want, ret + n);
}

size_t policy_table_address(const struct policy_table *t, const struct address *a,
	struct policy_span ret[POLICY_SPANS_MAX])
{
	bool v4 = address_is_v4(a);
	const uint8_t *bits = v4 ? t->v4_bits : t->v6_bits;
	size_t lengths = v4 ? t->v4_n : t->v6_n, n = 0;

	for (size_t i = 0; i < lengths; i++) {
		struct address_range r = { .base = *a, .bits = bits[i] };
		struct policy_item want;

		address_mask(&r.base, r.bits);
		want = policy_item_range(&r, 0);
		n += find(t, &want, ret + n);
	}
	return n;
}
