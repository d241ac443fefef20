/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-parts.h"

#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"
#include "linux/gatens-const.h"

#include <string.h>
#include <time.h>

#define TTL_MIN_S  5U
#define TTL_MAX_S  300U /* what the guest is told; a change of policy shall be felt */
#define OWN_DOMAIN ".brig.internal"

/* An answer in the making, with room for what it points to. */
struct reply {
	struct dns_answer a;
	struct address addrs[DNS_ADDRESSES_MAX];
	char text[96];
};

static uint64_t now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

static void reply_send(
	const struct dns_query *q, const struct reply *r, const struct dns_path *via)
{
	uint8_t out[DNS_OWN_ANSWER_MAX];
	size_t max = sizeof(out), n;

	if (!via->conn && q->udp_size < max)
		max = q->udp_size;
	n = dns_answer_build(q, &r->a, out, max);
	if (via->conn)
		dns_tcp_send(via->conn, out, n);
	else
		dns_udp_send(via, out, n);
}

/*
 * Tell these addresses, of which there is at least one.
 *
 * Mustn't:  be called with an address that isn't the answer for this very name: the pin is
 *           what lets the sandbox connect to it by a rule for the name.
 */
static void reply_addrs(
	struct dns *d, const struct dns_query *q, struct reply *r, size_t n, uint32_t ttl)
{
	uint64_t now = now_s();

	ttl = ttl < TTL_MIN_S ? TTL_MIN_S : ttl > TTL_MAX_S ? TTL_MAX_S : ttl;
	for (size_t i = 0; i < n; i++)
		pins_add(d->gate->pins, &r->addrs[i], q->name, ttl, now);
	r->a.addrs = r->addrs;
	r->a.n = n;
	r->a.ttl = ttl;
}

/* Refused unless a rule could allow it. 'told': this is the query that goes to the log. */
static bool refuse(struct dns *d, const struct dns_query *q, bool told, struct reply *r)
{
	struct gate *g = d->gate;
	struct policy_query pq = { .stage = POLICY_DNS, .name = q->name };
	struct policy_verdict v = { .reason = "there is no policy yet" };

	if (g->policy && told)
		gate_judge(g, &pq, &v);
	else if (g->policy)
		policy_judge(g->policy, &pq, &v);
	if (v.allow)
		return false;
	r->a.rcode = DNS_NXDOMAIN;
	r->a.ede = DNS_EDE_BLOCKED;
	(void)snprintf(
		r->text, sizeof(r->text), "brig: %s", v.reason ? v.reason : "denied");
	r->a.ede_text = r->text;
	return true;
}

static void reply_fixed(struct dns *d, const struct dns_query *q, struct reply *r,
	const char *v4, const char *v6)
{
	if ((q->type == DNS_A && address_parse(v4, &r->addrs[0]) == 0) ||
		(q->type == DNS_AAAA && address_parse(v6, &r->addrs[0]) == 0))
		reply_addrs(d, q, r, 1, TTL_MAX_S);
}

/* Names that have no business with the world outside. */
static bool answer_own(struct dns *d, const struct dns_query *q, struct reply *r)
{
	if (str_eq(q->name, NAME_GATE)) {
		reply_fixed(d, q, r, GATENS_GATE4, GATENS_GATE6);
	} else if (str_eq(q->name, NAME_HOST)) {
		if (!refuse(d, q, q->type == DNS_A, r))
			reply_fixed(d, q, r, GATENS_HOST4, GATENS_HOST6);
	} else if (!q->name[0] || str_ends(q->name, OWN_DOMAIN) ||
		str_eq(q->name, OWN_DOMAIN + 1)) {
		r->a.rcode = DNS_NXDOMAIN;
	} else {
		return false;
	}
	return true;
}

static void answer_made(struct dns *d, const struct dns_query *q, struct reply *r)
{
	if (q->type != DNS_A)
		return;
	if (dns_addrs_make(d->gate->pins, q->name, now_s(), &r->addrs[0]) < 0)
		r->a.rcode = DNS_SERVFAIL;
	else
		reply_addrs(d, q, r, 1, TTL_MAX_S);
}

/*
 * What can be answered without asking anybody.
 *
 * Mustn't:  let a name that is denied leave the host: names are a way out for data.
 */
static bool answer_here(struct dns *d, const struct dns_query *q, struct reply *r)
{
	bool address = q->type == DNS_A || q->type == DNS_AAAA;

	if (q->rcode) {
		r->a.rcode = q->rcode;
		return true;
	}
	if (q->class != DNS_CLASS_IN) {
		r->a.rcode = DNS_REFUSED;
		return true;
	}
	if (answer_own(d, q, r) || refuse(d, q, address, r))
		return true;
	if (gate_is_proxied(d->gate, q->name))
		answer_made(d, q, r);
	else if (address && (q->type == DNS_A || d->gate->ipv6))
		return false;
	return true;
}

static void ask_free(struct dns_ask *a)
{
	struct dns *d = a->dns;

	resolver_cancel(a->asked);
	if (a->via.conn)
		dns_tcp_count(a->via.conn, -1);
	if (a->prev)
		a->prev->next = a->next;
	else
		d->first = a->next;
	if (a->next)
		a->next->prev = a->prev;
	else
		d->last = a->prev;
	d->asks_n--;
	free(a);
}

static void ask_add(struct dns *d, struct dns_ask *a)
{
	if (d->asks_n >= DNS_WAITING_MAX)
		ask_free(d->first);
	a->dns = d;
	a->prev = d->last;
	if (d->last)
		d->last->next = a;
	else
		d->first = a;
	d->last = a;
	d->asks_n++;
	if (a->via.conn)
		dns_tcp_count(a->via.conn, 1);
}

void dns_forget(struct dns *d, const struct dns_conn *conn)
{
	for (struct dns_ask *a = d->first, *next; a; a = next) {
		next = a->next;
		if (a->via.conn == conn)
			ask_free(a);
	}
}

static void log_private(struct dns *d, const struct dns_query *q, const struct address *a)
{
	struct gate_event ev = {
		.query = { .stage = POLICY_DNS, .name = q->name, .addr = a },
		.verdict = { .reason = "its addresses are private",
			.kind = policy_kind(d->gate->policy, a) },
	};

	gate_log(d->gate, &ev);
}

static void answer_found(struct dns *d, const struct dns_query *q,
	const struct resolver_answer *found, struct reply *r)
{
	size_t n = found->n < DNS_ADDRESSES_MAX ? found->n : DNS_ADDRESSES_MAX;

	memcpy(r->addrs, found->addrs, n * sizeof(*r->addrs));
	n = dns_addrs_filter(d->gate->policy, r->addrs, n);
	if (n) {
		reply_addrs(d, q, r, n, found->ttl);
	} else if (found->n) {
		log_private(d, q, &found->addrs[0]);
		r->a.ede = DNS_EDE_BLOCKED;
		r->a.ede_text = "brig: its addresses are private";
	}
}

/* The policy may be another one than when the question was asked. */
static void on_found(const struct resolver_answer *found, void *data)
{
	struct dns_ask *waited = data;
	struct dns_ask a = *waited;
	struct reply r = { .a.ede = DNS_EDE_NONE };

	waited->asked = NULL; /* it ends with this call */
	ask_free(waited);
	if (refuse(a.dns, &a.q, false, &r))
		;
	else if (found->result == 0)
		answer_found(a.dns, &a.q, found, &r);
	else if (found->result == -ENOENT)
		r.a.rcode = DNS_NXDOMAIN;
	else if (found->result != -ENODATA)
		r.a.rcode = DNS_SERVFAIL;
	reply_send(&a.q, &r, &a.via);
}

static int ask(struct dns *d, const struct dns_query *q, const struct dns_path *via)
{
	enum resolver_type type = q->type == DNS_A ? RESOLVER_A : RESOLVER_AAAA;
	struct dns_ask *a = malloc(sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	*a = (struct dns_ask){ .q = *q, .via = *via };
	ask_add(d, a);
	r = resolver_ask(d->gate->resolver, q->name, type, on_found, a, &a->asked);
	if (r < 0)
		ask_free(a);
	return r;
}

void dns_take(struct dns *d, const void *msg, size_t len, const struct dns_path *via)
{
	struct reply r = { .a.ede = DNS_EDE_NONE };
	struct dns_query q;

	if (dns_query_parse(msg, len, &q) < 0)
		return;
	if (!answer_here(d, &q, &r)) {
		if (ask(d, &q, via) == 0)
			return;
		r.a.rcode = DNS_SERVFAIL;
	}
	reply_send(&q, &r, via);
}

int dns_start(struct gate *g, const int udp[2], struct dns **ret, struct err *e)
{
	struct dns *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(e, ENOMEM, "name server: out of memory");
	d->gate = g;
	for (size_t i = 0; i < 2; i++) {
		int r = udp[i] < 0 ? 0 : dns_udp_start(d, i, udp[i], e);

		if (r < 0) {
			dns_stop(d);
			return err_wrap(e, "name server");
		}
	}
	*ret = d;
	return 0;
}

void dns_stop(struct dns *d)
{
	if (!d)
		return;
	dns_tcp_stop(d);
	while (d->first)
		ask_free(d->first);
	for (size_t i = 0; i < 2; i++)
		loop_source_free(d->udp[i]);
	free(d);
}
