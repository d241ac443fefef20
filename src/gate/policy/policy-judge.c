/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. The tables give the rules that are about the name or the address;
 * each of them is counted: what it says about this port, protocol, method and path. The
 * verdict is read off the counts, so the order in which rules were found is of no weight;
 * of several that would decide, the first that was added is named.
 */
#include "gate/policy/policy-path.h"
#include "gate/policy/policy-priv.h"

/* Is a rule about what is seen of a connection? */
enum fit { FIT_NO, FIT_MAYBE, FIT_YES };

static const enum fit fits[5][5] = {
	/*              unknown    TCP      TLS      HTTP     HTTPS */
	[RULE_ANY] = { FIT_YES, FIT_YES, FIT_YES, FIT_YES, FIT_YES },
	[RULE_WEB] = { FIT_MAYBE, FIT_NO, FIT_YES, FIT_YES, FIT_YES },
	[RULE_TLS] = { FIT_MAYBE, FIT_NO, FIT_YES, FIT_NO, FIT_YES },
	[RULE_HTTP] = { FIT_MAYBE, FIT_NO, FIT_NO, FIT_YES, FIT_NO },
	[RULE_HTTPS] = { FIT_MAYBE, FIT_NO, FIT_YES, FIT_NO, FIT_YES },
};

struct count {
	const struct policy_query *q;
	enum address_kind kind;
	bool host;    /* host.brig.internal */
	bool outside; /* the address is not public, so a rule has to name it */
	unsigned method, method_loose;

	const struct rule *deny, *full, *request; /* the first of each */
	bool tls_full, tls_request; /* TLS would be allowed: whole, by request */
	bool force;                 /* a deny rule wants to see requests */
	bool depends; /* a deny rule, on what the protocol turns out to be */
	bool raw;
	bool name_good, address_good; /* POLICY_DNS */
};

static void first(const struct rule **best, const struct rule *r)
{
	if (!*best || r < *best)
		*best = r;
}

static bool port_fits(const struct rule *r, uint16_t port)
{
	if (r->proto == RULE_WEB)
		return port == 80 || port == 443;
	return port >= r->port_from && port <= r->port_to;
}

static enum fit proto_fit(const struct rule *r, enum policy_proto proto)
{
	/* what is about requests knows no other protocol */
	if (r->proto == RULE_ANY && rule_is_request(r))
		return fits[RULE_WEB][proto];
	return fits[r->proto][proto];
}

/* May this rule allow what is asked for, by its kind of target? */
static bool entitled(const struct count *c, const struct rule *r)
{
	if (c->host)
		return r->target == RULE_NAME && r->name[0] != '*';
	if (c->outside)
		return r->target == RULE_RANGE;
	return r->target != RULE_PUBLIC || c->q->addr || !name_is_local(c->q->name);
}

static void count_connect_deny(struct count *c, const struct rule *r, enum fit fit)
{
	bool tls = proto_fit(r, PROTO_TLS) == FIT_YES;

	if (!rule_is_request(r) && fit == FIT_YES) {
		first(&c->deny, r);
		return;
	}
	c->depends = true;
	if (tls && rule_is_request(r))
		c->force = true;
}

static void count_connect(struct count *c, const struct rule *r)
{
	enum fit fit = proto_fit(r, c->q->proto);
	bool request = rule_is_request(r), tls = proto_fit(r, PROTO_TLS) == FIT_YES;

	if (fit == FIT_NO || !port_fits(r, c->q->port))
		return;
	if (r->action == RULE_DENY) {
		count_connect_deny(c, r, fit);
		return;
	}
	if (!entitled(c, r))
		return;
	first(request ? &c->request : &c->full, r);
	c->tls_full |= tls && !request;
	c->tls_request |= tls && request;
	c->raw |= !request && r->proto == RULE_ANY;
}

static bool request_fits(const struct count *c, const struct rule *r)
{
	const char *path = c->q->path;
	bool deny = r->action == RULE_DENY;

	if (!(r->methods & (deny ? c->method | c->method_loose : c->method)))
		return false;
	if (!r->path)
		return true;
	/* a path that can't be told is any that is denied, and none that is allowed */
	if (!path)
		return deny;
	return deny ? policy_path_denied(r->path, path)
		    : policy_path_matches(r->path, path);
}

static void count_request(struct count *c, const struct rule *r)
{
	if (proto_fit(r, c->q->proto) != FIT_YES || !port_fits(r, c->q->port) ||
		!request_fits(c, r))
		return;
	if (r->action == RULE_DENY)
		first(&c->deny, r);
	else if (entitled(c, r))
		first(&c->full, r);
}

static void count_dns(struct count *c, const struct rule *r)
{
	bool named = r->target == RULE_NAME || (r->target == RULE_PUBLIC && !c->host);

	if (r->action == RULE_DENY) {
		if (r->proto == RULE_ANY && !rule_is_request(r) && r->port_from <= 1 &&
			r->port_to == UINT16_MAX)
			first(&c->deny, r);
		return;
	}
	if (c->host && !entitled(c, r))
		return;
	if (named) {
		first(&c->full, r);
		c->name_good = true;
	}
	if (!c->outside || r->target == RULE_RANGE)
		c->address_good = true;
}

static void count_rule(struct count *c, const struct rule *r)
{
	switch (c->q->stage) {
	case POLICY_DNS: count_dns(c, r); break;
	case POLICY_CONNECT: count_connect(c, r); break;
	case POLICY_REQUEST: count_request(c, r); break;
	}
}

enum which { ALL, DENY_ONLY, ALLOW_ONLY };

static void count_span(const struct policy *p, struct count *c,
	const struct policy_span *s, enum which which)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct rule *r = &p->rules[s->v[i]];

		if (which == ALL || (which == DENY_ONLY) == (r->action == RULE_DENY))
			count_rule(c, r);
	}
}

static void count_address(const struct policy *p, struct count *c)
{
	struct policy_span spans[POLICY_SPANS_MAX];
	struct address carried[ADDRESS_CARRIED_MAX];
	size_t n = policy_table_address(&p->table, c->q->addr, spans), carried_n;

	for (size_t i = 0; i < n; i++)
		count_span(p, c, &spans[i], ALL);
	/* what is denied stays so in disguise */
	carried_n = address_is_v4(c->q->addr) ? 0 : address_carried(c->q->addr, carried);
	for (size_t k = 0; k < carried_n; k++) {
		n = policy_table_address(&p->table, &carried[k], spans);
		for (size_t i = 0; i < n; i++)
			count_span(p, c, &spans[i], DENY_ONLY);
	}
}

/*
 * Rules for every public address. Where only the name is known (an upstream proxy will
 * resolve it), what it leads to is taken for public.
 */
static void count_public(const struct policy *p, struct count *c)
{
	const struct policy_span s = { p->publics, p->publics_n };
	bool is_public = c->q->addr && c->kind == ADDRESS_PUBLIC;

	if (c->q->stage == POLICY_DNS)
		count_span(p, c, &s, is_public ? ALL : ALLOW_ONLY);
	else if (c->q->addr ? is_public : !c->host)
		count_span(p, c, &s, ALL);
}

static void count_all(const struct policy *p, struct count *c)
{
	struct policy_span spans[POLICY_SPANS_MAX];
	size_t n = c->q->name ? policy_table_name(&p->table, c->q->name, spans) : 0;

	for (size_t i = 0; i < n; i++)
		count_span(p, c, &spans[i], ALL);
	if (c->q->addr)
		count_address(p, c);
	count_public(p, c);
}

static const char *why_not(const struct count *c)
{
	static const char *const reasons[] = {
		"no rule allows it",
		"no rule allows this private address, and a name's rule is not enough",
		"no rule allows this loopback address, and a name's rule is not enough",
		"no rule allows this link-local address, and a name's rule is not enough",
		"no rule allows this address of a metadata service, and a name's rule is "
		"not enough",
		"no rule allows this reserved address, and a name's rule is not enough",
		"no rule allows this host's own address, and a name's rule is not enough",
	};

	if (c->host)
		return "no rule names this host and its port";
	return reasons[c->outside ? c->kind : ADDRESS_PUBLIC];
}

static bool must_open(const struct policy *p, const char *name)
{
	struct policy_span spans[POLICY_SPANS_MAX];

	return name && p->open_table.slots &&
		policy_table_name(&p->open_table, name, spans) > 0;
}

static void conclude(
	const struct policy *p, const struct count *c, struct policy_verdict *v)
{
	enum policy_proto proto = c->q->proto;
	bool connect = c->q->stage == POLICY_CONNECT;
	const struct rule *allow = c->full ? c->full : c->request;

	if (c->q->stage == POLICY_DNS && !(c->name_good && c->address_good))
		allow = NULL;
	if (c->deny || !allow) {
		v->rule = c->deny;
		v->reason = c->deny ? "denied by a rule" : why_not(c);
		return;
	}
	v->allow = true;
	v->depends = c->depends;
	v->rule = allow;
	v->reason = "allowed by a rule";
	if (!connect || proto == PROTO_TCP || proto == PROTO_HTTP)
		return;
	v->open = (c->tls_full || c->tls_request) &&
		(c->force || !c->tls_full || must_open(p, c->q->name));
	v->raw = proto == PROTO_UNKNOWN && c->raw && !c->depends && !v->open;
}

static bool is_own(const struct policy *p, const struct address *a)
{
	for (size_t i = 0; i < p->own_n; i++)
		if (address_equal(&p->own[i], a))
			return true;
	return false;
}

/* What is public by itself may be the host's, plainly or in disguise. */
enum address_kind policy_kind(const struct policy *p, const struct address *a)
{
	enum address_kind kind = address_kind(a);
	struct address carried[ADDRESS_CARRIED_MAX];
	size_t n;

	if (kind != ADDRESS_PUBLIC || !p || !p->own_n)
		return kind;
	n = address_is_v4(a) ? 0 : address_carried(a, carried);
	for (size_t i = 0; i < n; i++)
		if (is_own(p, &carried[i]))
			return ADDRESS_OWN;
	return is_own(p, a) ? ADDRESS_OWN : kind;
}

/*
 * Should:  deny what it doesn't understand: no policy, a policy that isn't sealed, neither
 *          name nor address, a protocol that has no requests at POLICY_REQUEST.
 * Mustn't: allow a special address by a name's rule, or this host by a wildcard.
 */
void policy_judge(
	const struct policy *p, const struct policy_query *q, struct policy_verdict *ret)
{
	struct count c = { .q = q };

	*ret = (struct policy_verdict){ .reason = "no rule allows it" };
	if (q->addr)
		ret->kind = c.kind = policy_kind(p, q->addr);
	if (!p || !p->sealed) {
		ret->reason = "there is no policy";
		return;
	}
	if (q->name ? strlen(q->name) > NAME_MAX_LEN : !q->addr || q->stage == POLICY_DNS)
		return;
	if (q->stage == POLICY_REQUEST) {
		if (q->proto == PROTO_UNKNOWN || q->proto == PROTO_TCP)
			return;
		c.method = rule_method(q->method ? q->method : "");
		c.method_loose = rule_method_loose(q->method ? q->method : "");
	}
	c.host = q->name && strcmp(q->name, NAME_HOST) == 0;
	c.outside = q->addr && c.kind != ADDRESS_PUBLIC && !c.host;
	count_all(p, &c);
	conclude(p, &c, ret);
}
