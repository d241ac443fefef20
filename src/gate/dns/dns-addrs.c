/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-parts.h"

#include "base/str.h"

#include <errno.h>

#define MADE_FIRST \
	0xc6120000U          /* 198.18.0.0, for tests of networks: nobody's (RFC 2544) */
#define MADE_N      0x20000U /* /15 */
#define MADE_PROBES 16U

/* One pass over the rules for all of them: there may be many rules, but of ranges few. */
static void allow_by_range(
	const struct policy *p, const struct address *addrs, size_t n, bool *keep)
{
	for (size_t i = 0; i < policy_count(p); i++) {
		const struct rule *r = policy_rule(p, i);

		if (r->action != RULE_ALLOW || r->target != RULE_RANGE)
			continue;
		for (size_t k = 0; k < n; k++)
			keep[k] |= address_in(&addrs[k], &r->range);
	}
}

size_t dns_addrs_filter(const struct policy *p, struct address *addrs, size_t n)
{
	bool keep[DNS_ADDRESSES_MAX] = { false };
	size_t kept = 0, public = 0;

	if (n > DNS_ADDRESSES_MAX)
		n = DNS_ADDRESSES_MAX;
	for (size_t i = 0; i < n; i++) {
		keep[i] = policy_kind(p, &addrs[i]) == ADDRESS_PUBLIC;
		public += keep[i];
	}
	if (public < n)
		allow_by_range(p, addrs, n, keep);
	for (size_t i = 0; i < n; i++)
		if (keep[i])
			addrs[kept++] = addrs[i];
	return kept;
}

static struct address made(uint32_t i)
{
	uint32_t v = MADE_FIRST + i % MADE_N;

	return (struct address){ .b = { [10] = 0xff,
					 [11] = 0xff,
					 [12] = (uint8_t)(v >> 24),
					 [13] = (uint8_t)(v >> 16),
					 [14] = (uint8_t)(v >> 8),
					 [15] = (uint8_t)v } };
}

bool dns_is_made_up(const struct address *a)
{
	uint32_t v = (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 |
		(uint32_t)a->b[14] << 8 | a->b[15];

	return address_is_v4(a) && v - MADE_FIRST < MADE_N;
}

static bool is_other(const char *name, void *data)
{
	return !str_eq(name, data);
}

/*
 * The pins are the table: who has an address keeps it, and a new name gets the place of its
 * hash, or one behind it that no other name has now. Network and broadcast address of the
 * /15 are left out: some clients would not connect to them.
 */
int dns_addrs_make(
	const struct pins *p, const char *name, uint64_t now, struct address *ret)
{
	struct address had[DNS_ADDRESSES_MAX];
	size_t n = pins_addresses(p, name, now, had, DNS_ADDRESSES_MAX);
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < n; i++)
		if (dns_is_made_up(&had[i])) {
			*ret = had[i];
			return 0;
		}
	for (const char *c = name; *c; c++)
		h = (h ^ (uint8_t)*c) * 16777619U;
	h ^= h >> 15;
	for (uint32_t i = 0; i < MADE_PROBES; i++) {
		*ret = made(1 + (h + i) % (MADE_N - 2));
		if (!pins_names(p, ret, now, is_other, (void *)(uintptr_t)name))
			return 0;
	}
	return -ENOSPC;
}
