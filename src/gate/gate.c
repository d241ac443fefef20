/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate-priv.h"

#include "base/err.h"

#include <string.h>

void gate_judge(struct gate *g, const struct policy_query *q, struct policy_verdict *ret)
{
	struct gate_event ev = { .query = *q };

	policy_judge(g->policy, q, ret);
	if (ret->allow)
		return;
	ev.verdict = *ret;
	gate_log(g, &ev);
}

/* "example.com", ".example.com", "*.example.com": it and all beneath it; "*": every name. */
static bool is_excluded(const char *rule, const char *name)
{
	size_t n, len = strlen(name);

	if (strcmp(rule, "*") == 0)
		return true;
	if (rule[0] == '*' && rule[1] == '.')
		rule++;
	if (rule[0] == '.')
		rule++;
	n = strlen(rule);
	return n && len >= n && strcasecmp(name + len - n, rule) == 0 &&
		(len == n || name[len - n - 1] == '.');
}

/*
 * Should: say of each name what the injector says of it (inject-proxy.c): whom it sends
 *         straight, it sends to addresses that only the gate can look up.
 */
bool gate_is_proxied(const struct gate *g, const char *name)
{
	for (size_t i = 0; g->proxy && i < g->no_proxy.n; i++)
		if (is_excluded(g->no_proxy.v[i], name))
			return false;
	return g->proxy;
}

bool gate_is_made_up(const struct gate *g, const struct address *a)
{
	/* 198.18.0.0/15, RFC 2544 */
	return g->proxy && address_is_v4(a) && a->b[12] == 198 && (a->b[13] & 0xfe) == 18;
}
