/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/policy.h"

#include "base/auto.h"
#include "gate/policy/policy-priv.h"

struct policy *policy_new(void)
{
	return calloc(1, sizeof(struct policy));
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		rule_clear(&p->rules[i]);
	free(p->rules);
	free(p->publics);
	free(p->own);
	strv_clear(&p->opens);
	policy_table_clear(&p->table);
	policy_table_clear(&p->open_table);
	free(p);
}

int policy_own_address(struct policy *p, const struct address *a)
{
	struct address *more = reallocarray(p->own, p->own_n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	more[p->own_n++] = *a;
	p->own = more;
	return 0;
}

int policy_add(struct policy *p, struct rule *r)
{
	if (p->sealed)
		return -EBUSY;
	if (p->n >= POLICY_RULES_MAX)
		return -E2BIG;
	if (p->n == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct rule *grown = realloc(p->rules, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->rules = grown;
		p->room = room;
	}
	p->rules[p->n++] = *r;
	*r = (struct rule){ 0 };
	return 0;
}

int policy_open_host(struct policy *p, const char *pattern)
{
	char name[NAME_MAX_LEN + 4];

	if (p->sealed)
		return -EBUSY;
	if (p->opens.n >= POLICY_RULES_MAX)
		return -E2BIG;
	if (name_pattern_normalise(pattern, strlen(pattern), name) < 0)
		return -EINVAL;
	return strv_add(&p->opens, name);
}

static int seal_rules(struct policy *p)
{
	auto_free struct policy_item *items = calloc(p->n + 1, sizeof(*items));
	size_t n = 0;

	p->publics = calloc(p->n + 1, sizeof(*p->publics));
	if (!items || !p->publics)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		const struct rule *r = &p->rules[i];

		if (r->target == RULE_PUBLIC)
			p->publics[p->publics_n++] = (uint32_t)i;
		else if (r->target == RULE_NAME)
			items[n++] = policy_item_name(r->name, (uint32_t)i);
		else
			items[n++] = policy_item_range(&r->range, (uint32_t)i);
	}
	return policy_table_build(&p->table, items, n);
}

/* The ports of all such denials in one pass, however many rules there are. */
static int seal_named(struct policy *p)
{
	auto_free int32_t *change = calloc(UINT16_MAX + 2, sizeof(*change));
	int32_t depth = 0;

	if (!change)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		const struct rule *r = &p->rules[i];

		if (r->action != RULE_DENY || r->target != RULE_NAME ||
			r->proto == RULE_TLS || r->proto == RULE_HTTPS)
			continue;
		change[r->port_from]++;
		change[r->port_to + 1]--;
	}
	for (unsigned port = 0; port <= UINT16_MAX; port++) {
		depth += change[port];
		if (depth)
			p->named[port / 8] |= (uint8_t)(1U << port % 8);
	}
	return 0;
}

int policy_seal(struct policy *p)
{
	auto_free struct policy_item *items = calloc(p->opens.n + 1, sizeof(*items));
	int r;

	if (p->sealed)
		return -EBUSY;
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < p->opens.n; i++)
		items[i] = policy_item_name(p->opens.v[i], (uint32_t)i);
	r = policy_table_build(&p->open_table, items, p->opens.n);
	if (r == 0)
		r = seal_rules(p);
	if (r == 0)
		r = seal_named(p);
	p->sealed = r == 0;
	return r;
}

bool policy_denies_names(const struct policy *p, uint16_t port)
{
	return p && (p->named[port / 8] & 1U << port % 8);
}

size_t policy_count(const struct policy *p)
{
	return p->n;
}

const struct rule *policy_rule(const struct policy *p, size_t i)
{
	return i < p->n ? &p->rules[i] : NULL;
}
