/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/resolver.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "gate/dns/resolver-cache.h"
#include "gate/dns/resolver-try.h"

#include <string.h>

/*
 * Theory of operation. A question that is under way is a flight; whoever asks it is a query
 * that waits for the flight. A query whose answer is there, from a flight that landed, the
 * cache or the hosts, goes to the list of the ready ones, and a timer that is due at once
 * calls back: so no call-back ever runs inside of resolver_ask() or of another query's end.
 */
#define SERVERS_MAX     8U
#define FLIGHTS_MAX     256U
#define QUERIES_MAX     4096U
#define ROUNDS          2U /* tries a server */
#define FLIGHT_NS       (8 * NS_PER_SEC)
#define NEGATIVE_TTL_S  10U /* at most; nothing is believed from the SOA */
#define READY_PER_ROUND 64

struct list {
	struct resolver_query *first, *last;
};

struct resolver_query {
	struct resolver_query *next, *prev;
	struct resolver *resolver;
	struct flight *flight; /* NULL: ready */
	resolver_cb *cb;
	void *data;
	struct resolver_answer answer;
};

struct flight {
	struct flight *next, *prev;
	struct resolver *resolver;
	struct list waiting;
	struct resolver_try try;
	enum resolver_type type;
	unsigned tries;
	size_t server; /* of the try under way */
	bool timed_out;
	uint64_t deadline_ns;
	char name[NAME_MAX_LEN + 1];
};

struct resolver {
	struct loop *loop;
	struct resolver_cache *cache;
	struct resolver_hosts *hosts;
	struct resolver_server servers[SERVERS_MAX];
	size_t servers_n, best; /* the one that answered last */
	struct flight *flights;
	size_t flights_n, queries_n;
	struct list ready;
	struct loop_source *ready_timer;
	bool *gone; /* set when it is freed from a call-back */
};

static void list_add(struct list *l, struct resolver_query *q)
{
	q->next = NULL;
	q->prev = l->last;
	if (l->last)
		l->last->next = q;
	else
		l->first = q;
	l->last = q;
}

static void list_remove(struct list *l, struct resolver_query *q)
{
	if (q->prev)
		q->prev->next = q->next;
	else
		l->first = q->next;
	if (q->next)
		q->next->prev = q->prev;
	else
		l->last = q->prev;
}

static uint64_t now_s(void)
{
	return clock_mono_ns() / NS_PER_SEC;
}

static void query_free(struct resolver_query *q)
{
	struct resolver *r = q->resolver;

	list_remove(q->flight ? &q->flight->waiting : &r->ready, q);
	r->queries_n--;
	free(q);
}

static void flight_free(struct flight *f)
{
	struct resolver *r = f->resolver;

	while (f->waiting.first)
		query_free(f->waiting.first);
	resolver_try_clear(&f->try);
	if (f->prev)
		f->prev->next = f->next;
	else
		r->flights = f->next;
	if (f->next)
		f->next->prev = f->prev;
	r->flights_n--;
	free(f);
}

static void on_ready(struct loop_source *src, void *data)
{
	struct resolver *r = data;
	bool gone = false;

	r->gone = &gone;
	for (int i = 0; i < READY_PER_ROUND && r->ready.first; i++) {
		struct resolver_query *q = r->ready.first;
		struct resolver_answer a = q->answer;
		resolver_cb *cb = q->cb;
		void *of = q->data;

		query_free(q);
		cb(&a, of);
		if (gone)
			return;
	}
	r->gone = NULL;
	if (r->ready.first)
		loop_timer_arm(src, 0);
}

static void make_ready(struct resolver_query *q, const struct resolver_answer *a)
{
	q->answer = *a;
	q->flight = NULL;
	list_add(&q->resolver->ready, q);
	loop_timer_arm(q->resolver->ready_timer, 0);
}

static void land(struct flight *f, const struct resolver_answer *a)
{
	struct resolver_query *q;

	while ((q = f->waiting.first)) {
		list_remove(&f->waiting, q);
		make_ready(q, a);
	}
	flight_free(f);
}

/* Go round the servers, from the one that answered last on. */
static void next_try(struct flight *f)
{
	struct resolver *r = f->resolver;
	struct resolver_answer a = { .result = f->timed_out ? -ETIMEDOUT : -EIO };

	if (f->tries >= r->servers_n * ROUNDS || clock_mono_ns() >= f->deadline_ns) {
		land(f, &a);
		return;
	}
	f->server = (r->best + f->tries++) % r->servers_n;
	f->try.deadline_ns = f->deadline_ns;
	resolver_try_start(&f->try, &r->servers[f->server], f->name, f->type);
}

/* The servers may be others than when the try began. */
static void note_server(struct flight *f)
{
	struct resolver *r = f->resolver;
	const struct resolver_server *s = &f->try.server;

	if (f->server >= r->servers_n || s->port != r->servers[f->server].port ||
		!address_equal(&s->addr, &r->servers[f->server].addr))
		return;
	r->servers[f->server].folds = s->folds;
	r->best = f->server;
}

static void on_try(int result, const struct dns_response *resp, void *data)
{
	struct flight *f = data;
	struct resolver_answer a = { .ttl = NEGATIVE_TTL_S };

	if (result < 0 || (resp->rcode != DNS_NOERROR && resp->rcode != DNS_NXDOMAIN)) {
		f->timed_out |= result == -ETIMEDOUT;
		next_try(f);
		return;
	}
	note_server(f);
	if (resp->rcode == DNS_NXDOMAIN) {
		a.result = -ENOENT;
	} else if (!resp->n) {
		a.result = -ENODATA;
	} else {
		a.n = resp->n < RESOLVER_ADDRESSES_MAX ? resp->n : RESOLVER_ADDRESSES_MAX;
		a.ttl = resp->ttl;
		memcpy(a.addrs, resp->addrs, a.n * sizeof(*a.addrs));
	}
	resolver_cache_put(f->resolver->cache, f->name, f->type, &a, now_s());
	land(f, &a);
}

int resolver_new(struct loop *l, struct resolver **ret, struct err *e)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return err_set(e, ENOMEM, "resolver: out of memory");
	r->loop = l;
	r->cache = resolver_cache_new();
	r->hosts = resolver_hosts_new();
	err = r->cache && r->hosts ? 0 : err_set(e, ENOMEM, "resolver: out of memory");
	if (!err)
		err = loop_add_timer(l, on_ready, r, &r->ready_timer, e);
	if (err < 0)
		resolver_free(r);
	else
		*ret = r;
	return err;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	while (r->flights)
		flight_free(r->flights);
	while (r->ready.first)
		query_free(r->ready.first);
	if (r->gone)
		*r->gone = true;
	loop_source_free(r->ready_timer);
	resolver_cache_free(r->cache);
	resolver_hosts_free(r->hosts);
	free(r);
}

/* What the servers of before have answered is forgotten, too; what is under way goes on
 * with the new ones when it has to try again. */
void resolver_reset(struct resolver *r)
{
	struct resolver_hosts *hosts = resolver_hosts_new();

	if (hosts) {
		resolver_hosts_free(r->hosts);
		r->hosts = hosts;
	}
	r->servers_n = r->best = 0;
	resolver_cache_clear(r->cache);
}

int resolver_add_server(struct resolver *r, const struct address *a, uint16_t port)
{
	if (r->servers_n >= SERVERS_MAX)
		return -ENOSPC;
	r->servers[r->servers_n++] = (struct resolver_server){
		.addr = *a,
		.port = port ? port : DNS_PORT,
	};
	return 0;
}

int resolver_add_host(struct resolver *r, const char *name, const struct address *a)
{
	return resolver_hosts_add(r->hosts, name, a);
}

static struct flight *flight_find(
	struct resolver *r, const char *name, enum resolver_type type)
{
	struct flight *f = r->flights;

	while (f && (f->type != type || strcmp(f->name, name) != 0))
		f = f->next;
	return f;
}

static int flight_new(struct resolver *r, const char *name, enum resolver_type type,
	struct flight **ret)
{
	struct flight *f;
	int err;

	if (r->flights_n >= FLIGHTS_MAX)
		return -EBUSY;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	err = resolver_try_init(&f->try, r->loop, on_try, f, NULL);
	if (err < 0) {
		free(f);
		return err;
	}
	f->resolver = r;
	f->type = type;
	f->deadline_ns = clock_mono_ns() + FLIGHT_NS;
	memcpy(f->name, name, strlen(name) + 1);
	f->next = r->flights;
	if (f->next)
		f->next->prev = f;
	r->flights = f;
	r->flights_n++;
	*ret = f;
	return 0;
}

static bool answer_at_once(const struct resolver *r, const char *name,
	enum resolver_type type, struct resolver_answer *ret)
{
	if (resolver_hosts_get(r->hosts, name, type, ret) ||
		resolver_cache_get(r->cache, name, type, now_s(), ret))
		return true;
	*ret = (struct resolver_answer){ .result = -EIO };
	return !r->servers_n;
}

int resolver_ask(struct resolver *r, const char *name, enum resolver_type type,
	resolver_cb *cb, void *data, struct resolver_query **ret)
{
	struct resolver_query *q;
	struct resolver_answer a;
	struct flight *f = NULL;
	bool there, fresh = false;

	if (!*name || strlen(name) > NAME_MAX_LEN)
		return -EINVAL;
	if (r->queries_n >= QUERIES_MAX)
		return -EBUSY;
	there = answer_at_once(r, name, type, &a);
	if (!there && !(f = flight_find(r, name, type))) {
		int err = flight_new(r, name, type, &f);

		if (err < 0)
			return err;
		fresh = true;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		if (fresh)
			flight_free(f);
		return -ENOMEM;
	}
	*q = (struct resolver_query){
		.resolver = r, .flight = f, .cb = cb, .data = data
	};
	r->queries_n++;
	if (there)
		make_ready(q, &a);
	else
		list_add(&f->waiting, q);
	if (fresh)
		next_try(f);
	if (ret)
		*ret = q;
	return 0;
}

/* A flight for nobody is called off. */
void resolver_cancel(struct resolver_query *q)
{
	struct flight *f = q ? q->flight : NULL;

	if (q)
		query_free(q);
	if (f && !f->waiting.first)
		flight_free(f);
}
