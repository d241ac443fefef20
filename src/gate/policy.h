/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - all rules of one sandbox, compiled; and the one function that gives a verdict.
 *
 * Enforcement, `brig policy check` and `brig policy log` all call policy_judge(). A verdict
 * with 10,000 rules takes under a microsecond: names by hash, one look-up a label; networks
 * by hash, one look-up a prefix length in use. Nothing is allocated.
 *
 *	nothing matches            denied
 *	a deny rule matches        denied, whatever else does
 *	an allow rule matches      allowed, but: a public name that leads to a private,
 *	                           link-local, metadata, loopback or special address
 *	                           needs a rule that names the address, besides
 */
#ifndef BRIG_GATE_POLICY_H
#define BRIG_GATE_POLICY_H

#include "gate/rule.h"

struct policy;

enum policy_stage {
	POLICY_DNS, /* could any rule allow this name? */
	POLICY_CONNECT, /* to this name (or address) and port; protocol perhaps not known yet */
	POLICY_REQUEST, /* this method and path */
};

enum policy_proto {
	PROTO_UNKNOWN, /* nothing has been read yet */
	PROTO_TCP,     /* neither TLS nor HTTP */
	PROTO_TLS,     /* a ClientHello was seen */
	PROTO_HTTP,    /* in clear */
	PROTO_HTTPS,   /* opened */
};

struct policy_query {
	enum policy_stage stage;
	enum policy_proto proto;
	const char *name;           /* normalised; NULL when only the address is known */
	const struct address *addr; /* NULL when only the name is */
	uint16_t port;
	const char *method,
		*path; /* POLICY_REQUEST; path normalised, without the query */
};

struct policy_verdict {
	bool allow;
	bool open; /* allowed, and TLS has to be opened: requests decide, or a secret goes in */
	bool raw; /* POLICY_CONNECT, unknown protocol: allowed even if it turns out to be
		      neither TLS nor HTTP, so the upstream may speak first */
	const struct rule *rule; /* the one that decided; NULL: none matched */
	const char *
		reason; /* "denied by a rule", "no rule allows it", "a private address" ... */
	enum address_kind kind;
};

struct policy *policy_new(void);
void policy_free(struct policy *p);

/* Take over the rule's strings. -ENOMEM, -E2BIG past POLICY_RULES_MAX. */
#define POLICY_RULES_MAX 100000U
int policy_add(struct policy *p, struct rule *r);

/* TLS to hosts of this pattern is to be opened where it is allowed (a secret is bound to them). */
int policy_open_host(struct policy *p, const char *pattern);

/* After the last addition, before the first verdict. */
int policy_seal(struct policy *p);

void policy_judge(
	const struct policy *p, const struct policy_query *q, struct policy_verdict *ret);

size_t policy_count(const struct policy *p);
const struct rule *policy_rule(const struct policy *p, size_t i);

/*
 * Bring the path of a request target into the form that rules are matched on: query and
 * fragment off, percent-escapes of unreserved bytes decoded, "." and ".." resolved, "//"
 * made "/". -EINVAL for what two servers could read in two ways: an escaped '/' or '\', a
 * raw '\', control bytes, "..", beyond the root, a broken escape.
 */
int policy_path(const char *target, size_t len, char out[RULE_PATH_MAX * 4]);

#endif
