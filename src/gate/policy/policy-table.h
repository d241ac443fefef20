/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-table.h - which rules are about a name, or a network: by hash.
 *
 * Keys are a host name's text or an address, and a kind. All rules of one key are one run
 * of numbers, in ascending order. Keys belong to the caller and must outlive the table.
 */
#ifndef BRIG_GATE_POLICY_TABLE_H
#define BRIG_GATE_POLICY_TABLE_H

#include "gate/policy/address.h"
#include "gate/policy/name.h"

enum policy_key_kind {
	POLICY_KEY_EXACT, /* the name */
	POLICY_KEY_STAR,  /* what is after "*." */
	POLICY_KEY_STARS, /* what is after "**." */
	POLICY_KEY_RANGE, /* + the bits of the prefix */
};

struct policy_item {
	uint64_t hash;
	const void *key;
	uint32_t value;
	uint16_t kind, len;
};

struct policy_span {
	const uint32_t *v;
	size_t n;
};

struct policy_slot {
	uint64_t hash;
	const void *key;
	uint32_t first, n;
	uint16_t kind, len;
};

struct policy_table {
	struct policy_slot *slots;
	size_t mask;
	uint32_t *values;
	uint16_t stars_max[2]; /* the longest key of each kind of wildcard, 0: none */
	uint8_t v4_bits[33], v6_bits[129]; /* lengths of prefixes in use */
	size_t v4_n, v6_n;
};

/* Items of a pattern and of a range. */
struct policy_item policy_item_name(const char *pattern, uint32_t value);
struct policy_item policy_item_range(const struct address_range *r, uint32_t value);

/* Sorts the items. 0 or -ENOMEM. */
int policy_table_build(struct policy_table *t, struct policy_item *items, size_t n);
void policy_table_clear(struct policy_table *t);

/* What is about a name (normalised), or an address. Returns the number of runs in 'ret'. */
#define POLICY_SPANS_MAX 130
size_t policy_table_name(const struct policy_table *t, const char *name,
	struct policy_span ret[POLICY_SPANS_MAX]);
size_t policy_table_address(const struct policy_table *t, const struct address *a,
	struct policy_span ret[POLICY_SPANS_MAX]);

#endif
