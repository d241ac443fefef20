/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/request-route.h"

#include "base/clock.h"
#include "base/str.h"
#include "gate/front/front-impl.h"
#include "gate/front/request-authority.h"

#include <time.h>

static uint64_t boot_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

static bool is_name(const char *name, void *data)
{
	return strcmp(name, data) == 0;
}

/* Was this sandbox told that the name is at the address it connected to? */
static bool is_pinned(const struct front *f, const char *name)
{
	return pins_names(
		f->g->pins, &f->dst, boot_seconds(), is_name, (void *)(uintptr_t)name);
}

static const char *route_tls(
	const struct front *f, const struct authority *a, unsigned *ret_status)
{
	*ret_status = 421;
	if (f->name ? strcmp(a->name, f->name) != 0
		    : a->named || !f->has_dst || !address_equal(&a->addr, &f->dst))
		return "Host and SNI differ";
	return NULL;
}

/*
 * As with a server name of TLS: where the address is allowed whatever it is asked for, a
 * name that was never looked up may be.
 *
 * Mustn't: let it lead anywhere but there, as an upstream proxy would.
 */
static bool is_by_addr(const struct request *q, const char *name)
{
	const struct front *f = q->f;
	struct policy_query query;
	struct policy_verdict v;

	if (gate_is_proxied(f->g, name) || strcmp(name, NAME_HOST) == 0)
		return false;
	request_query(q, &query);
	query.name = NULL;
	query.addr = &f->dst;
	policy_judge(f->g->policy, &query, &v);
	return v.allow;
}

static const char *route_clear(
	struct request *q, const struct authority *a, unsigned *ret_status)
{
	const struct front *f = q->f;

	if (f->name && strcmp(a->name, f->name) != 0) {
		*ret_status = 421;
		return "Host is not what the connection is for";
	}
	*ret_status = 403;
	if (f->name)
		return NULL;
	if (!f->has_dst)
		return "it is not known where the connection leads";
	if (!a->named)
		return address_equal(&a->addr, &f->dst)
			? NULL
			: "Host is an address that the connection does not lead to";
	if (is_pinned(f, a->name))
		return NULL;
	q->by_addr = is_by_addr(q, a->name);
	return q->by_addr ? NULL
			  : "the name in Host was not looked up, or leads elsewhere";
}

static const char *route(
	struct request *q, const struct authority *a, uint16_t port, unsigned *ret_status)
{
	const struct front *f = q->f;

	if (f->proxy)
		return NULL; /* it says itself where it wants to go */
	if (port != f->port) {
		*ret_status = 421;
		return "the port in Host is not what the connection is for";
	}
	return f->tls ? route_tls(f, a, ret_status) : route_clear(q, a, ret_status);
}

const char *request_route(
	struct request *q, const struct authority *a, unsigned *ret_status)
{
	const struct front *f = q->f;
	const char *wrong;

	q->x.tls = f->tls;
	q->x.port = a->port ? a->port : f->tls ? 443 : 80;
	wrong = route(q, a, q->x.port, ret_status);
	if (wrong)
		return wrong;
	q->named = a->named;
	if (str_set(&q->x.host, a->name) < 0) {
		*ret_status = 503;
		return "out of memory";
	}
	/* A name behind an upstream proxy has a made-up address, the host's is its own. */
	if (!a->named) {
		q->addr = a->addr;
		q->has_addr = true;
	} else if (f->has_dst && !gate_is_proxied(f->g, a->name) &&
		strcmp(a->name, NAME_HOST) != 0) {
		q->addr = f->dst;
		q->has_addr = true;
	}
	return NULL;
}

void request_query(const struct request *q, struct policy_query *ret)
{
	*ret = (struct policy_query){
		.stage = POLICY_REQUEST,
		.proto = q->x.tls ? PROTO_HTTPS : PROTO_HTTP,
		.name = q->named ? q->x.host : NULL,
		.addr = q->has_addr ? &q->addr : NULL,
		.port = q->x.port,
		.method = q->x.method,
		.path = q->path,
	};
}

void request_judge(const struct request *q, struct policy_query *ret_query,
	struct policy_verdict *ret)
{
	const struct policy *p = q->f->g->policy;

	request_query(q, ret_query);
	if (q->by_addr) {
		const char *name = ret_query->name;

		ret_query->name = NULL;
		policy_judge(p, ret_query, ret);
		if (!ret->allow)
			return;
		ret_query->name = name;
	}
	policy_judge(p, ret_query, ret);
}

size_t request_filter(struct gate *g, const struct policy_query *q,
	const struct address *addrs, size_t n, struct address ret[EXCHANGE_ADDRS_MAX])
{
	struct policy_query each = *q;
	struct policy_verdict v;
	size_t kept = 0;

	for (size_t i = 0; i < n && kept < EXCHANGE_ADDRS_MAX; i++) {
		each.addr = &addrs[i];
		policy_judge(g->policy, &each, &v);
		if (v.allow)
			ret[kept++] = addrs[i];
	}
	return kept;
}

static void loopback(struct exchange_request *x)
{
	x->addrs_n = 0;
	if (address_parse("127.0.0.1", &x->addrs[x->addrs_n]) == 0)
		x->addrs_n++;
	if (address_parse("::1", &x->addrs[x->addrs_n]) == 0)
		x->addrs_n++;
}

/* Where the client meant to go, then what else the name was told to be at. */
static void pinned(struct request *q)
{
	struct gate *g = q->f->g;
	struct address found[EXCHANGE_ADDRS_MAX + 1];
	struct policy_query query;
	size_t n = 1;

	found[0] = q->addr;
	if (q->named && !q->by_addr)
		n += pins_addresses(g->pins, q->x.host, boot_seconds(), found + 1,
			EXCHANGE_ADDRS_MAX);
	for (size_t i = 1; i < n;)
		if (address_equal(&found[i], &found[0]))
			found[i] = found[--n];
		else
			i++;
	request_query(q, &query);
	q->x.addrs_n = request_filter(g, &query, found, n, q->x.addrs);
}

bool request_addresses(struct request *q)
{
	q->x.addrs_n = 0;
	if (q->named && strcmp(q->x.host, NAME_HOST) == 0)
		loopback(&q->x);
	else if (q->named ? gate_is_proxied(q->f->g, q->x.host) : q->f->g->proxy)
		return true; /* the injector dials, by name */
	else if (q->has_addr)
		pinned(q);
	else
		return false;
	return true;
}
