/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - a connection from the sandbox, until it is known what it is and where it may go.
 *
 * Theory of operation. A transparent listener says where the client meant to connect. The
 * names that this address was an answer for (pins.h) are the names it may be judged by, and
 * the address itself. If none of them could be allowed, it ends here. Else the first bytes
 * are looked at, without taking them out of the socket:
 *
 *	TLS	the server name must be one of those names, and allowed: then the connection
 *		is passed through, or opened (front.h) where the policy has to see requests
 *	HTTP	goes to front.h, which judges each request by its Host; passed through unread
 *		only where any protocol may go by a rule for the address, and no rule denies
 *		names on that port
 *	other	needs a rule with a port of its own, for whatever protocol
 *
 * Where such a rule allows any protocol the upstream is dialled at once, for it may be the
 * one to speak first; whichever comes first, its bytes or the client's, settles it.
 */
#include "gate/conn-priv.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "gate/dns/dns.h"
#include "gate/front/front.h"
#include "linux/gatens.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FIRST_BYTES_NS (30 * NS_PER_SEC)
#define ACCEPTS        32 /* at one go */
#define WASTE_READS    64 /* of what nobody wants any more */

struct listener {
	struct gate *g;
	bool proxy;
};

static struct conn *conns;
static struct listener listeners[GATENS_FDS];

uint64_t conn_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

void flow_query(const struct flow *f, struct policy_query *q)
{
	*q = (struct policy_query){ .stage = POLICY_CONNECT,
		.proto = f->proto,
		.name = f->name[0] ? f->name : NULL,
		.addr = f->has_addr ? &f->addr : NULL,
		.port = f->port };
}

void conn_reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(fd);
}

/* Everything but the client's descriptor, which is returned. */
int conn_release(struct conn *c)
{
	int fd = c->fd, any = 1;

	/* whoever reads it next is to hear of every byte */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &any, sizeof(any));
	loop_source_free(c->src);
	loop_source_free(c->up_src);
	loop_source_free(c->timer);
	dial_cancel(c->dial);
	gate_lookup_cancel(c->lookup);
	conn_reset(c->upstream);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	c->g->conns--;
	free(c);
	return fd;
}

void conn_drop(struct conn *c)
{
	conn_reset(conn_release(c));
}

/* Ended by the policy; the log hears of it. */
void conn_deny(struct conn *c, const struct policy_verdict *v, const char *reason)
{
	struct gate_event ev = { .verdict = *v };

	flow_query(&c->flow, &ev.query);
	ev.verdict.allow = false;
	if (reason)
		ev.verdict.reason = reason;
	gate_log(c->g, &ev);
	/* TLS has a word for it (RFC 8446 section 6.2, access_denied), and clients show it */
	if (c->flow.proto == PROTO_TLS)
		(void)send(c->fd, "\x15\x03\x03\x00\x02\x02\x31", 7,
			MSG_DONTWAIT | MSG_NOSIGNAL);
	if (c->flow.proto == PROTO_TLS) {
		/* a reset would overtake the word */
		char waste[4096];

		(void)shutdown(c->fd, SHUT_WR);
		/* who goes on sending doesn't keep the others waiting */
		for (int i = 0; i < WASTE_READS; i++)
			if (recv(c->fd, waste, sizeof(waste), MSG_DONTWAIT) <= 0)
				break;
		(void)close(conn_release(c));
		return;
	}
	conn_drop(c);
}

/* The upstream could not be reached: the client is told in the only way there is. */
static void failed(struct conn *c, const char *reason)
{
	struct gate_event ev = { .end = true };

	flow_query(&c->flow, &ev.query);
	policy_judge(c->g->policy, &ev.query, &ev.verdict);
	ev.verdict.reason = reason;
	gate_log(c->g, &ev);
	conn_drop(c);
}

static void log_allowed(struct conn *c, const struct policy_verdict *v)
{
	struct gate_event ev = { .verdict = *v };

	flow_query(&c->flow, &ev.query);
	gate_log(c->g, &ev);
}

/*
 * Both ends are there and it is known what it is.
 *
 * Mustn't: pass through what is to be opened since the rules changed, or by the address
 *          that it leads to in fact.
 */
void conn_join(struct conn *c)
{
	struct gate *g = c->g;
	struct flow flow = c->flow;
	struct policy_query q;
	struct policy_verdict v;
	int upstream = c->upstream, fd;

	flow_query(&c->flow, &q);
	policy_judge(g->policy, &q, &v);
	if (!v.allow || v.open) {
		conn_deny(c, &v, v.allow ? "its TLS would have to be opened" : NULL);
		return;
	}
	log_allowed(c, &v);
	loop_source_free(c->up_src);
	c->up_src = NULL;
	c->upstream = -1;
	fd = conn_release(c);
	(void)pass_start(g, fd, upstream, &flow, NULL);
}

/* ---- where it goes */

static void upstream_speaks(struct loop_source *src, uint32_t events, void *data)
{
	struct conn *c = data;

	(void)src;
	(void)events;
	c->flow.proto = PROTO_TCP;
	conn_join(c);
}

static void dialled(int fd, const struct address *to, const char *reason, void *data)
{
	struct conn *c = data;

	c->dial = NULL;
	/* judged, now and whenever rules change, by where it leads: of a tunnel to a name
	 * only this is known; this host goes by its name alone */
	if (to && strcmp(c->flow.name, NAME_HOST) != 0) {
		c->flow.addr = *to;
		c->flow.has_addr = true;
	}
	if (fd < 0) {
		failed(c, reason);
		return;
	}
	c->upstream = fd;
	if (c->settled)
		conn_join(c);
	else if (loop_add_fd(c->g->loop, fd, EPOLLIN, upstream_speaks, c, &c->up_src,
			 NULL) < 0)
		conn_drop(c);
}

static void dial(struct conn *c, const struct address *addrs, size_t n)
{
	struct dial_spec s = { .name = c->flow.name[0] ? c->flow.name : NULL,
		.addrs = addrs,
		.n = n,
		.port = c->flow.port,
		.cb = dialled,
		.data = c };

	if (dial_start(c->g, &s, &c->dial) < 0)
		conn_drop(c);
}

static void looked_up(
	const struct address *addrs, size_t n, const char *reason, void *data)
{
	struct conn *c = data;

	c->lookup = NULL;
	if (n == 0 && reason)
		failed(c, reason);
	else
		dial(c, addrs, n);
}

/* Where the client meant to go comes first, then what else the name leads to. */
void conn_connect_upstream(struct conn *c)
{
	struct address addrs[RESOLVER_ADDRESSES_MAX] = { c->flow.addr }, more[8];
	size_t n = 1, m;

	if (c->dial || c->lookup || c->upstream >= 0)
		return;
	if (c->flow.name[0] &&
		(!c->flow.has_addr || gate_is_proxied(c->g, c->flow.name))) {
		if (gate_lookup(c->g, c->flow.name, c->flow.port, looked_up, c,
			    &c->lookup) < 0)
			conn_drop(c);
		return;
	}
	m = c->flow.name[0]
		? pins_addresses(c->g->pins, c->flow.name, conn_now(), more, 8)
		: 0;
	for (size_t i = 0; i < m && n < RESOLVER_ADDRESSES_MAX; i++) {
		struct policy_query q;
		struct policy_verdict v;

		flow_query(&c->flow, &q);
		q.addr = &more[i];
		policy_judge(c->g->policy, &q, &v);
		if (v.allow && !address_equal(&more[i], &c->flow.addr))
			addrs[n++] = more[i];
	}
	dial(c, addrs, n);
}

static void silent(struct loop_source *src, void *data)
{
	struct conn *c = data;

	(void)src;
	/* an upstream that is being waited for has its own limits */
	if (!c->settled)
		conn_drop(c);
}

static struct conn *conn_new(struct gate *g, int fd)
{
	struct conn *c = g->conns < g->conns_max ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		conn_reset(fd);
		return NULL;
	}
	*c = (struct conn){ .g = g, .fd = fd, .upstream = -1 };
	c->next = conns;
	c->at = &conns;
	if (conns)
		conns->at = &c->next;
	conns = c;
	g->conns++;
	if (loop_add_timer(g->loop, silent, c, &c->timer, NULL) < 0) {
		conn_drop(c);
		return NULL;
	}
	loop_timer_arm(c->timer, FIRST_BYTES_NS);
	return c;
}

/* The first look: could it be anything that is allowed? */
static void begin(struct conn *c)
{
	struct conn_choice ch;

	conn_judge(c, PROTO_UNKNOWN, NULL, &ch);
	if (!ch.best.allow) {
		conn_set_name(c, &ch);
		conn_deny(c, &ch.best, NULL);
		return;
	}
	if (loop_add_fd(c->g->loop, c->fd, EPOLLIN | EPOLLRDHUP, conn_client_speaks, c,
		    &c->src, NULL) < 0) {
		conn_drop(c);
		return;
	}
	c->raw = ch.best.raw && !ch.best.open;
	if (c->raw) {
		conn_set_name(c, &ch);
		conn_connect_upstream(c);
	}
}

static bool is_address(const struct address *a, const char *v4, const char *v6)
{
	struct address other;

	return (address_parse(v4, &other) == 0 && address_equal(a, &other)) ||
		(address_parse(v6, &other) == 0 && address_equal(a, &other));
}

/* Where the client meant to go, by an address. */
static void set_destination(struct conn *c, const struct address *to)
{
	c->dst = c->flow.addr = *to;
	c->dst_known = true;
	/* an address that was made up for a name says nothing about where it leads */
	c->flow.has_addr = !gate_is_made_up(c->g, to);
	if (is_address(to, GATENS_HOST4, GATENS_HOST6)) {
		(void)snprintf(c->flow.name, sizeof(c->flow.name), "%s", NAME_HOST);
		c->fixed_name = true;
		c->flow.has_addr = c->dst_known = false;
	}
}

static void accepted(struct gate *g, int fd, bool proxy)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);
	struct conn *c;
	struct address to;
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
		address_from_sockaddr((struct sockaddr *)&at, &to, &port) < 0) {
		conn_reset(fd);
		return;
	}
	if (proxy) {
		struct front_spec s = { .fd = fd, .proxy = true, .port = port };

		if (g->conns < g->conns_max)
			(void)front_start(g, &s, NULL);
		else
			conn_reset(fd);
		return;
	}
	if (port == 53) {
		(void)dns_serve_tcp(g->dns, fd, NULL);
		return;
	}
	c = conn_new(g, fd);
	if (!c)
		return;
	c->flow.port = port;
	set_destination(c, &to);
	begin(c);
}

void conn_tunnel(struct gate *g, int fd, const char *name, const struct address *addr,
	uint16_t port)
{
	struct conn *c = conn_new(g, fd);

	if (!c)
		return;
	c->flow.port = port;
	c->fixed_name = name != NULL;
	if (name)
		(void)snprintf(c->flow.name, sizeof(c->flow.name), "%s", name);
	if (addr)
		set_destination(c, addr);
	begin(c);
}

static void incoming(struct loop_source *src, uint32_t events, void *data)
{
	struct listener *l = data;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(
			loop_source_fd(src), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		accepted(l->g, fd, l->proxy);
	}
}

int conn_listen(struct gate *g, const int fds[], struct err *e)
{
	for (int i = GATENS_TCP4; i <= GATENS_PROXY6; i++) {
		int r = 0;

		listeners[i] = (struct listener){ .g = g, .proxy = i >= GATENS_PROXY4 };
		if (fds[i] >= 0)
			r = loop_add_fd(g->loop, fds[i], EPOLLIN, incoming, &listeners[i],
				NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

void conn_recheck(struct gate *g)
{
	struct conn *next;

	for (struct conn *c = conns; c; c = next) {
		struct conn_choice ch;

		next = c->next;
		conn_judge(c, c->flow.proto, c->flow.name[0] ? c->flow.name : NULL, &ch);
		if (!ch.best.allow)
			conn_deny(c, &ch.best, NULL);
	}
	(void)g;
}
