/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. Written from the contract of policy.h and not from policy-judge.c:
 * every question is asked of the whole list. What a connection of an unknown protocol may
 * do is what it may do as one of the three that it can turn out to be.
 */
#include "gate/policy/policy-naive.h"

#include "gate/policy/policy-path.h"

#include <string.h>

static bool is_host(const struct policy_query *q)
{
	return q->name && strcmp(q->name, NAME_HOST) == 0;
}

static bool is_special(const struct policy_query *q)
{
	return q->addr && !is_host(q) && address_kind(q->addr) != ADDRESS_PUBLIC;
}

static bool port_matches(const struct rule *r, uint16_t port)
{
	if (r->proto == RULE_WEB)
		return port == 80 || port == 443;
	return r->port_from <= port && port <= r->port_to;
}

static bool proto_matches(const struct rule *r, enum policy_proto p)
{
	bool tls = p == PROTO_TLS || p == PROTO_HTTPS;

	switch (r->proto) {
	case RULE_ANY: return p != PROTO_TCP || !rule_is_request(r);
	case RULE_WEB: return tls || p == PROTO_HTTP;
	case RULE_TLS:
	case RULE_HTTPS: return tls;
	case RULE_HTTP: return p == PROTO_HTTP;
	}
	return false;
}

static bool range_matches(const struct rule *r, const struct address *a)
{
	struct address carried[ADDRESS_CARRIED_MAX];
	size_t n = address_is_v4(a) ? 0 : address_carried(a, carried);

	if (address_in(a, &r->range))
		return true;
	for (size_t i = 0; i < n && r->action == RULE_DENY; i++)
		if (address_in(&carried[i], &r->range))
			return true;
	return false;
}

static bool target_matches(const struct rule *r, const struct policy_query *q)
{
	switch (r->target) {
	case RULE_NAME: return q->name && name_matches(r->name, q->name);
	case RULE_RANGE: return q->addr && range_matches(r, q->addr);
	case RULE_PUBLIC:
		if (q->addr)
			return address_kind(q->addr) == ADDRESS_PUBLIC;
		return q->name && !is_host(q) &&
			(r->action == RULE_DENY || !name_is_local(q->name));
	}
	return false;
}

static bool may_allow(const struct rule *r, const struct policy_query *q)
{
	if (is_host(q))
		return r->target == RULE_NAME && strcmp(r->name, NAME_HOST) == 0;
	return !is_special(q) || r->target == RULE_RANGE;
}

static bool request_matches(const struct rule *r, const struct policy_query *q)
{
	const char *method = q->method ? q->method : "";
	unsigned m = rule_method(method);

	if (r->action == RULE_DENY)
		m |= rule_method_loose(method);
	if (!(r->methods & m))
		return false;
	if (!r->path || !q->path)
		return !r->path || r->action == RULE_DENY;
	return r->action == RULE_DENY ? policy_path_denied(r->path, q->path)
				      : policy_path_matches(r->path, q->path);
}

/* The first rule of this action that is about the query as protocol 'p'. */
static const struct rule *find(const struct policy *p, const struct policy_query *q,
	enum policy_proto proto, enum rule_action action, bool request)
{
	for (size_t i = 0; i < policy_count(p); i++) {
		const struct rule *r = policy_rule(p, i);

		if (r->action != action || !target_matches(r, q) ||
			!port_matches(r, q->port) || !proto_matches(r, proto))
			continue;
		if (action == RULE_ALLOW && !may_allow(r, q))
			continue;
		if (q->stage == POLICY_CONNECT ? rule_is_request(r) != request
					       : !request_matches(r, q))
			continue;
		return r;
	}
	return NULL;
}

static void give(
	struct policy_verdict *v, const struct rule *deny, const struct rule *allow)
{
	v->allow = !deny && allow;
	v->rule = deny ? deny : allow;
}

static const struct rule *earlier(const struct rule *a, const struct rule *b)
{
	return !a || (b && b < a) ? b : a;
}

static bool in_list(const char *const *patterns, const char *name)
{
	for (; patterns && *patterns && name; patterns++)
		if (name_matches(*patterns, name))
			return true;
	return false;
}

static void judge_connect(const struct policy *p, const char *const *opens,
	const struct policy_query *q, struct policy_verdict *v)
{
	static const enum policy_proto three[] = { PROTO_TCP, PROTO_TLS, PROTO_HTTP };
	bool unknown = q->proto == PROTO_UNKNOWN;
	const struct rule *deny = NULL, *full = NULL, *request = NULL;
	const struct rule *tls_full = find(p, q, PROTO_TLS, RULE_ALLOW, false);
	const struct rule *tls_request = find(p, q, PROTO_TLS, RULE_ALLOW, true);
	bool raw = unknown && !find(p, q, PROTO_TCP, RULE_DENY, false) &&
		find(p, q, PROTO_TCP, RULE_ALLOW, false);

	for (size_t i = 0; i < 3; i++) {
		enum policy_proto as = unknown ? three[i] : q->proto;

		full = earlier(full, find(p, q, as, RULE_ALLOW, false));
		request = earlier(request, find(p, q, as, RULE_ALLOW, true));
		if (find(p, q, as, RULE_DENY, true))
			raw = false;
		/* of an unknown one only what denies all three */
		if (!unknown)
			deny = find(p, q, as, RULE_DENY, false);
		else if (find(p, q, as, RULE_DENY, false) &&
			find(p, q, as, RULE_DENY, false)->proto != RULE_ANY)
			raw = false;
	}
	if (unknown)
		deny = find(p, q, PROTO_TCP, RULE_DENY, false);
	give(v, deny, full ? full : request);
	if (!v->allow || q->proto == PROTO_TCP || q->proto == PROTO_HTTP)
		return;
	v->open = (tls_full || tls_request) &&
		(!tls_full || find(p, q, PROTO_TLS, RULE_DENY, true) ||
			in_list(opens, q->name));
	v->raw = raw && !v->open;
}

static void judge_dns(
	const struct policy *p, const struct policy_query *q, struct policy_verdict *v)
{
	const struct rule *deny = NULL, *named = NULL;
	bool there = false;

	for (size_t i = 0; i < policy_count(p) && q->name; i++) {
		const struct rule *r = policy_rule(p, i);
		bool about =
			target_matches(r, q) && (r->target != RULE_PUBLIC || q->addr);

		if (r->action == RULE_DENY) {
			if (about && !deny && r->proto == RULE_ANY &&
				!rule_is_request(r) && r->port_from <= 1 &&
				r->port_to == 65535)
				deny = r;
			continue;
		}
		if (is_host(q)) {
			about = may_allow(r, q);
			there |= about;
		} else {
			there |= !q->addr || (about && may_allow(r, q));
			about = r->target == RULE_PUBLIC ||
				(about && r->target == RULE_NAME);
		}
		if (about && !named)
			named = r;
	}
	give(v, deny, there ? named : NULL);
}

void policy_naive_judge(const struct policy *p, const char *const *opens,
	const struct policy_query *q, struct policy_verdict *ret)
{
	*ret = (struct policy_verdict){ 0 };
	if (!q->name && !q->addr)
		return;
	if (q->stage == POLICY_DNS)
		judge_dns(p, q, ret);
	else if (q->stage == POLICY_CONNECT)
		judge_connect(p, opens, q, ret);
	else if (q->proto != PROTO_UNKNOWN && q->proto != PROTO_TCP)
		give(ret, find(p, q, q->proto, RULE_DENY, false),
			find(p, q, q->proto, RULE_ALLOW, false));
}
