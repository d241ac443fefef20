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
 *	an allow rule matches      allowed, but: a private, link-local, metadata, loopback or
 *	                           special address is allowed by a rule that names the
 *	                           address and by no other
 *
 * A rule for requests allows a connection, if TLS then to be opened, and denies none: it
 * forces TLS open. host.brig.internal is allowed by a rule with just this name, and by no
 * other. Rules for networks deny an IPv4 address also where an IPv6 one carries it.
 */
#ifndef BRIG_GATE_POLICY_H
#define BRIG_GATE_POLICY_H

#include "gate/policy/rule.h"

struct policy;

enum policy_stage {
	POLICY_DNS, /* could any rule allow this name, on some port? With an address: there? */
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
	/* POLICY_REQUEST. The path as policy_path() has it; NULL where it refused: rules
	 * with a path then deny, and don't allow */
	const char *method, *path;
};

struct policy_verdict {
	bool allow;
	bool open; /* allowed, and TLS has to be opened: requests decide, or a secret goes in */
	bool raw; /* POLICY_CONNECT, unknown protocol: allowed even if it turns out to be
		      neither TLS nor HTTP, so the upstream may speak first */
	bool depends; /* POLICY_CONNECT: a rule denies what it may turn out to be */
	const struct rule *rule; /* the one that decided; NULL: none matched */
	const char *reason; /* "denied by a rule", "no rule allows it" ...; a constant */
	enum address_kind kind;
};

struct policy *policy_new(void);
void policy_free(struct policy *p);

/* Take over the rule's strings. -ENOMEM, -E2BIG past POLICY_RULES_MAX, -EBUSY once sealed. */
#define POLICY_RULES_MAX 100000U
int policy_add(struct policy *p, struct rule *r);

/* TLS to hosts of this pattern is to be opened where it is allowed (a secret is bound to
 * them). -EINVAL for no pattern. */
int policy_open_host(struct policy *p, const char *pattern);

/* An address of this host's own: as a private one, it takes a rule that names it. */
int policy_own_address(struct policy *p, const struct address *a);

/* address_kind() for those who know which are the host's own. */
enum address_kind policy_kind(const struct policy *p, const struct address *a);

/* After the last addition. Until then, and without a policy, every verdict is no. */
int policy_seal(struct policy *p);

void policy_judge(
	const struct policy *p, const struct policy_query *q, struct policy_verdict *ret);

/*
 * Is there a denial by name that may be about HTTP in clear on this port? What is asked for
 * has to be read there even where any protocol may go, as a server name of TLS always is.
 */
bool policy_denies_names(const struct policy *p, uint16_t port);

size_t policy_count(const struct policy *p);
const struct rule *policy_rule(const struct policy *p, size_t i);

/*
 * Bring the path of a request target into the form that rules are matched on: query and
 * fragment off, percent-escapes of what may stand in a path decoded and others in capitals,
 * "." and ".." resolved, "//" made "/"; "*" stays. -EINVAL for what two servers could read
 * in two ways (an escaped '/' or '\', a raw '\', control bytes, ".." beyond the root, "..;",
 * a broken or a doubled escape, no UTF-8), and for what is too long.
 */
int policy_path(const char *target, size_t len, char out[RULE_PATH_MAX * 4]);

#endif
