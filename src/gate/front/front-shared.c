/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "gate/front/back.h"
#include "gate/front/front-impl.h"
#include "gate/front/leaf.h"
#include "gate/front/request.h"
#include "gate/front/tls.h"

#include <string.h>

/* How long may this one stand still? */
static unsigned limit(const struct front *f)
{
	switch (f->phase) {
	case FRONT_LEAF: return 0; /* leaf.c has its own */
	case FRONT_HANDSHAKE: return FRONT_HELLO_S;
	case FRONT_SNIFF: return f->in.len ? FRONT_HEAD_S : FRONT_IDLE_S;
	case FRONT_OPEN:
		/* who reads nothing has no request that works on something */
		return front_pending(f) ? FRONT_IDLE_S : f->proto->limit(f);
	case FRONT_CLOSING: return FRONT_HEAD_S;
	case FRONT_LINGER: return FRONT_LINGER_S;
	}
	return 0;
}

static void end(struct front *f, const char *why)
{
	front_enter(f);
	if (f->phase == FRONT_OPEN)
		f->proto->end(f, why);
	else
		front_kill(f);
	front_leave(f);
}

/* One timer for all connections: idle ones cost a look, not a timer each. */
static void on_sweep(struct loop_source *src, void *data)
{
	struct front_shared *s = data;
	uint64_t now = clock_mono_ns();

	for (struct front *f = s->first, *next; f; f = next) {
		unsigned seconds = limit(f);

		next = f->next;
		if (seconds && now > f->since && now - f->since >= seconds * NS_PER_SEC)
			end(f, "it took too long");
	}
	if (s->n)
		loop_timer_arm(src, FRONT_SWEEP_S * NS_PER_SEC);
}

int front_shared_new(struct gate *g, struct err *e)
{
	struct front_shared *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, ENOMEM, "out of memory");
	s->g = g;
	g->front = s;
	r = tls_key_new(&s->key, e);
	if (r == 0)
		r = tls_context_new(&s->tls, e);
	if (r == 0)
		r = leaf_cache_new(g, s->key, &s->leaves, e);
	if (r == 0)
		r = back_pool_new(g, &s->backs, e);
	if (r == 0)
		r = loop_add_timer(g->loop, on_sweep, s, &s->sweep, e);
	if (r < 0)
		front_shared_free(g);
	return r;
}

void front_shared_free(struct gate *g)
{
	struct front_shared *s = g->front;

	if (!s)
		return;
	while (s->first) {
		struct front *f = s->first;

		front_enter(f);
		front_kill(f);
		front_leave(f);
	}
	leaf_cache_free(s->leaves);
	back_pool_free(s->backs);
	loop_source_free(s->sweep);
	tls_context_free(s->tls);
	tls_key_free(s->key);
	free(s);
	g->front = NULL;
}

int front_vault_parcel(struct gate *g, const struct parcel *p)
{
	return leaf_parcel(g->front->leaves, p);
}

void front_refused(struct front *f, unsigned status, const char *reason)
{
	struct gate_event ev = {
		.query = {
			.stage = POLICY_CONNECT,
			.proto = f->tls ? PROTO_HTTPS : PROTO_HTTP,
			.name = f->name,
			.addr = f->has_dst ? &f->dst : NULL,
			.port = f->port,
		},
		.verdict = { .reason = reason },
		.status = status,
	};

	gate_log(f->g, &ev);
}

/* By its name and address; what has neither is judged request by request. */
static bool still_allowed(const struct front *f)
{
	struct policy_query q = {
		.stage = POLICY_CONNECT,
		.proto = f->tls ? PROTO_TLS : PROTO_HTTP,
		.name = f->name,
		.addr = f->has_dst && !(f->name && f->g->proxy) ? &f->dst : NULL,
		.port = f->port,
	};
	struct policy_verdict v;

	if (f->proxy || (!f->name && !f->tls))
		return true;
	if (f->name && strcmp(f->name, NAME_HOST) == 0)
		q.addr = NULL;
	policy_judge(f->g->policy, &q, &v);
	return v.allow;
}

void front_recheck(struct gate *g)
{
	for (struct front *f = g->front->first, *next; f; f = next) {
		next = f->next;
		front_enter(f);
		for (struct request *q = f->requests, *then; q; q = then) {
			then = q->next;
			request_recheck(q);
		}
		if (!f->requests && !still_allowed(f)) {
			if (f->phase == FRONT_OPEN)
				f->proto->end(f, "the policy has changed");
			else if (f->phase < FRONT_CLOSING)
				front_kill(f);
		}
		front_leave(f);
	}
}
