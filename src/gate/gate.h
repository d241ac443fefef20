/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - the gate's own state, shared by the files of its program and nobody else.
 *
 *	gate.c      the process: set-up, configuration, the log
 *	conn.c      a connection from the sandbox, until it is known what it is
 *	pass.c      bytes passed through unopened
 *	dns.c       names
 *	front*.c    HTTP that the gate speaks itself: opened TLS, clear text, the proxy
 *	back.c      the same towards the injector
 */
#ifndef BRIG_GATE_GATE_H
#define BRIG_GATE_GATE_H

#include "base/str.h"
#include "gate/dns/resolver.h"
#include "gate/pins.h"
#include "gate/policy/policy.h"

struct dns;
struct err;
struct front_shared;
struct gate_log;
struct loop;

struct gate {
	struct loop *loop;
	struct policy *policy; /* replaced whole; never kept across a call-back */
	struct pins *pins;
	struct resolver *resolver;
	struct dns *dns;
	struct front_shared *front; /* TLS contexts, leaf certificates, idle exchanges */
	struct gate_log *log;
	int keeper, vault, injector; /* parcels; -1: none */
	bool proxy; /* the host reaches the world through a proxy: names are not resolved,
		       answers are made up and pinned, the injector dials */
	struct strv no_proxy; /* names that are reached past it all the same */
	bool ipv6;            /* the host has a way to IPv6 */
	size_t conns, conns_max;
};

/* What a verdict was given about, for the log. Strings are borrowed. */
struct gate_event {
	struct policy_query query;
	struct policy_verdict verdict;
	uint64_t up, down; /* bytes, at the end of a connection */
	bool end; /* of what was allowed before: counts bytes, not another connection */
	unsigned status; /* of the response to a request; 0: none */
};

/* policy_judge() and a line in the log when it is a denial. */
void gate_judge(struct gate *g, const struct policy_query *q, struct policy_verdict *ret);
void gate_log(struct gate *g, const struct gate_event *ev);

/* Is it the upstream proxy that connects to 'name', by this name? */
bool gate_is_proxied(const struct gate *g, const char *name);

/* Behind an upstream proxy, is this one of the addresses that were made up for names? */
bool gate_is_made_up(const struct gate *g, const struct address *a);

/*
 * Where may connections for 'name' go? Resolves what is not pinned; addresses that the
 * policy refuses for this name and port are left out. The call-back is called once, never
 * from within; n == 0 with the reason. Through an upstream proxy n is 0 and the reason NULL.
 */
typedef void gate_addrs_cb(
	const struct address *addrs, size_t n, const char *reason, void *data);
struct gate_lookup;
int gate_lookup(struct gate *g, const char *name, uint16_t port, gate_addrs_cb *cb,
	void *data, struct gate_lookup **ret);
void gate_lookup_cancel(struct gate_lookup *l);

/*
 * A tunnel that a client asked the proxy for (CONNECT): from now on 'fd' (taken over) is
 * treated as a connection to 'name' (or 'addr'), port 'port'. The client has been told 200.
 */
void conn_tunnel(struct gate *g, int fd, const char *name, const struct address *addr,
	uint16_t port);

#endif
