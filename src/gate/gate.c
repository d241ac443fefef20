/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate-priv.h"

#include "gate/dns/dns.h"
#include "gate/no-proxy.h"

void gate_judge(struct gate *g, const struct policy_query *q, struct policy_verdict *ret)
{
	struct gate_event ev = { .query = *q };

	policy_judge(g->policy, q, ret);
	if (ret->allow)
		return;
	ev.verdict = *ret;
	gate_log(g, &ev);
}

bool gate_is_proxied(const struct gate *g, const char *name)
{
	return g->proxy && !no_proxy_covers(&g->no_proxy, name);
}

bool gate_is_made_up(const struct gate *g, const struct address *a)
{
	return g->proxy && dns_is_made_up(a);
}
