/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate-lookup.c - where a name leads, for connections that the gate makes by name.
 */
#include "gate/gate-priv.h"

#include "base/err.h"
#include "base/loop.h"

#include <string.h>
#include <time.h>

struct gate_lookup {
	struct gate *g;
	gate_addrs_cb *cb;
	void *data;
	char name[NAME_MAX_LEN + 1];
	uint16_t port;
	struct address addrs[RESOLVER_ADDRESSES_MAX];
	size_t n;
	const char *reason;
	struct resolver_query *queries[2]; /* A, AAAA */
	struct loop_source *soon;
};

static uint64_t now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

void gate_lookup_cancel(struct gate_lookup *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < 2; i++)
		if (l->queries[i])
			resolver_cancel(l->queries[i]);
	loop_source_free(l->soon);
	free(l);
}

static void finish(struct gate_lookup *l)
{
	struct gate_lookup done = *l;

	gate_lookup_cancel(l);
	done.cb(done.addrs, done.n, done.n ? NULL : done.reason, done.data);
}

static void finish_soon(struct loop_source *src, void *data)
{
	(void)src;
	finish(data);
}

/* Keep an address if the policy lets this name and port go there; returns whether. */
static bool consider(struct gate_lookup *l, const struct address *a)
{
	struct policy_query q = {
		.stage = POLICY_CONNECT, .name = l->name, .addr = a, .port = l->port
	};
	struct policy_verdict v;

	if (l->n == RESOLVER_ADDRESSES_MAX)
		return false;
	policy_judge(l->g->policy, &q, &v);
	if (v.allow)
		l->addrs[l->n++] = *a;
	else
		l->reason = v.reason;
	return v.allow;
}

static void answered(struct gate_lookup *l, size_t which, const struct resolver_answer *a)
{
	l->queries[which] = NULL;
	/* as the name server does: what leads where it mustn't is not remembered */
	for (size_t i = 0; i < a->n; i++)
		if (consider(l, &a->addrs[i]))
			pins_add(l->g->pins, &a->addrs[i], l->name, a->ttl, now_s());
	if (!a->n && !l->reason)
		l->reason = a->result == -ETIMEDOUT || a->result == -EIO
			? "no name server answered"
			: "there is no such name";
	if (!l->queries[0] && !l->queries[1])
		finish(l);
}

static void answered_a(const struct resolver_answer *a, void *data)
{
	answered(data, 0, a);
}

static void answered_aaaa(const struct resolver_answer *a, void *data)
{
	answered(data, 1, a);
}

/* What needs no asking. Returns true when all is known. */
static bool known(struct gate_lookup *l)
{
	static const char *const loopback[] = { "127.0.0.1", "::1" };
	struct address found[RESOLVER_ADDRESSES_MAX];
	size_t n;

	if (strcmp(l->name, NAME_HOST) == 0) {
		/* the verdict was about the name; its address is ours to know */
		for (size_t i = 0; i < 2; i++)
			if (address_parse(loopback[i], &l->addrs[l->n]) == 0)
				l->n++;
		return true;
	}
	if (gate_is_proxied(l->g, l->name)) {
		l->reason = NULL;
		return true;
	}
	n = pins_addresses(l->g->pins, l->name, now_s(), found, RESOLVER_ADDRESSES_MAX);
	for (size_t i = 0; i < n; i++)
		(void)consider(l, &found[i]);
	return l->n > 0;
}

int gate_lookup(struct gate *g, const char *name, uint16_t port, gate_addrs_cb *cb,
	void *data, struct gate_lookup **ret)
{
	struct gate_lookup *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	*l = (struct gate_lookup){ .g = g, .cb = cb, .data = data, .port = port };
	(void)snprintf(l->name, sizeof(l->name), "%s", name);
	if (known(l)) {
		r = loop_add_timer(g->loop, finish_soon, l, &l->soon, NULL);
		if (r == 0)
			loop_timer_arm(l->soon, 1);
	} else {
		r = resolver_ask(
			g->resolver, name, RESOLVER_A, answered_a, l, &l->queries[0]);
		if (r == 0 && g->ipv6)
			r = resolver_ask(g->resolver, name, RESOLVER_AAAA, answered_aaaa,
				l, &l->queries[1]);
	}
	if (r < 0) {
		gate_lookup_cancel(l);
		return r;
	}
	if (ret)
		*ret = l;
	return 0;
}
