/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/front-lab.h"

#include "base/err.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "base/str.h"
#include "base/test.h"
#include "gate/front/front-lab-roles.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>

#define ROUNDS 2000 /* turns of the loop before a test gives up */

static struct lab *the_lab;

bool gate_is_proxied(const struct gate *g, const char *name)
{
	(void)name;
	return g->proxy;
}

void gate_judge(struct gate *g, const struct policy_query *q, struct policy_verdict *ret)
{
	policy_judge(g->policy, q, ret);
	if (ret->allow)
		return;
	the_lab->denials++;
	(void)snprintf(the_lab->reason, sizeof(the_lab->reason), "%s", ret->reason);
}

void gate_log(struct gate *g, const struct gate_event *ev)
{
	struct lab *l = the_lab;

	(void)g;
	if (ev->verdict.allow)
		l->ends++;
	else
		l->denials++;
	(void)snprintf(l->reason, sizeof(l->reason), "%s",
		ev->verdict.reason ? ev->verdict.reason : "");
	l->status = ev->status;
	l->up = ev->up;
	l->down = ev->down;
}

struct gate_lookup {
	struct loop_source *timer;
	gate_addrs_cb *cb;
	void *data;
	bool found;
};

static void looked_up(struct loop_source *src, void *data)
{
	struct gate_lookup *l = data, was = *l;
	struct address a[2];

	loop_source_free(src);
	free(l);
	expect(address_parse("9.9.9.10", &a[0]) == 0);
	expect(address_parse("9.9.9.11", &a[1]) == 0);
	was.cb(a, was.found ? 2 : 0, was.found ? NULL : "there is no such name",
		was.data);
}

int gate_lookup(struct gate *g, const char *name, uint16_t port, gate_addrs_cb *cb,
	void *data, struct gate_lookup **ret)
{
	struct gate_lookup *l = calloc(1, sizeof(*l));

	(void)port;
	expect(l && loop_add_timer(g->loop, looked_up, l, &l->timer, NULL) == 0);
	l->cb = cb;
	l->data = data;
	l->found = strcmp(name, "nowhere.example") != 0;
	loop_timer_arm(l->timer, 1000);
	*ret = l;
	return 0;
}

void gate_lookup_cancel(struct gate_lookup *l)
{
	if (!l)
		return;
	loop_source_free(l->timer);
	free(l);
}

void conn_tunnel(struct gate *g, int fd, const char *name, const struct address *addr,
	uint16_t port)
{
	char text[ADDRESS_TEXT_MAX];

	(void)g;
	the_lab->tunnel = fd;
	the_lab->tunnel_port = port;
	(void)snprintf(the_lab->tunnel_name, sizeof(the_lab->tunnel_name), "%s",
		name ? name : address_text(addr, text));
}

static struct policy *compile(const char *rules)
{
	struct policy *p = policy_new();
	struct strv lines = { 0 };
	struct err e = { 0 };

	expect(p && strv_split(&lines, rules, "\n") == 0);
	for (size_t i = 0; i < lines.n; i++) {
		struct rule r = { 0 };

		if (rule_parse(lines.v[i], "test", &r, &e) < 0)
			fprintf(stderr, "%s\n", e.msg);
		expect(e.code == 0 && policy_add(p, &r) == 0);
	}
	strv_clear(&lines);
	expect(policy_seal(p) == 0);
	return p;
}

void lab_rules(struct lab *l, const char *rules)
{
	struct policy *old = l->g.policy;

	l->g.policy = compile(rules);
	front_recheck(&l->g);
	policy_free(old);
}

struct lab *lab_new(const char *rules)
{
	struct lab *l = calloc(1, sizeof(*l));
	struct timespec now;
	struct address a;
	struct err e = { 0 };

	expect(l != NULL);
	the_lab = l;
	l->tunnel = -1;
	l->g.conns_max = 10000;
	expect(loop_new(&l->g.loop, &e) == 0 && pins_open(-1, &l->g.pins) == 0);
	l->g.policy = compile(rules);
	expect(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
	expect(address_parse("9.9.9.1", &a) == 0);
	pins_add(l->g.pins, &a, "a.example", 3600, (uint64_t)now.tv_sec);
	lab_roles_start(l);
	expect(front_shared_new(&l->g, &e) == 0);
	return l;
}

void lab_free(struct lab *l)
{
	front_shared_free(&l->g);
	expect(l->g.conns == 0);
	lab_roles_stop(l);
	if (l->tunnel >= 0)
		(void)close(l->tunnel);
	policy_free(l->g.policy);
	pins_free(l->g.pins);
	loop_free(l->g.loop);
	free(l);
	the_lab = NULL;
}

void lab_turn(struct lab *l)
{
	expect(loop_once(l->g.loop, 2) == 0);
}

int lab_connect(struct lab *l, const struct front_spec *s)
{
	struct front_spec mine = *s;
	struct err e = { 0 };
	int pair[2];

	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) ==
		0);
	mine.fd = pair[1];
	expect(front_start(&l->g, &mine, &e) == 0);
	return pair[0];
}

int lab_clear(struct lab *l, const char *dst)
{
	struct address a;

	expect(address_parse(dst, &a) == 0);
	return lab_connect(l, &(struct front_spec){ .dst = &a, .port = 80 });
}

int lab_proxy(struct lab *l)
{
	return lab_connect(l, &(struct front_spec){ .proxy = true, .port = 3128 });
}

void lab_send(struct lab *l, int fd, const void *data, size_t len)
{
	const char *at = data;
	int rounds = 0;

	while (len && rounds++ < ROUNDS * 10) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EPIPE)
			return;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
		lab_turn(l);
	}
	expect(len == 0);
}

void lab_say(struct lab *l, int fd, const char *text)
{
	lab_send(l, fd, text, strlen(text));
}

static bool has(const struct buf *b, const char *needle)
{
	return needle && b->len && memmem(b->data, b->len, needle, strlen(needle));
}

bool lab_hear(struct lab *l, int fd, const char *needle, struct buf *b)
{
	for (int i = 0; i < ROUNDS && !has(b, needle); i++) {
		char part[65536];
		ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return !needle;
		if (n > 0) {
			expect(buf_add(b, part, (size_t)n) == 0);
			i = 0;
		}
		lab_turn(l);
	}
	return has(b, needle);
}

SSL *lab_tls(struct lab *l, int fd, const char *name, bool trust, const char *alpn)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	int r = 0;

	expect(ctx != NULL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (trust)
		expect(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), l->ca) == 1);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	expect(ssl && SSL_set_fd(ssl, fd) == 1 && SSL_set_tlsext_host_name(ssl, name) &&
		SSL_set1_host(ssl, name));
	if (alpn)
		expect(SSL_set_alpn_protos(ssl, (const unsigned char *)alpn,
			       (unsigned)strlen(alpn)) == 0);
	for (int i = 0; i < ROUNDS && (r = SSL_connect(ssl)) != 1; i++) {
		if (SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ)
			break;
		lab_turn(l);
	}
	if (r == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

void lab_tls_say(struct lab *l, SSL *ssl, const char *text)
{
	expect(SSL_write(ssl, text, (int)strlen(text)) == (int)strlen(text));
	lab_turn(l);
}

bool lab_tls_hear(struct lab *l, SSL *ssl, const char *needle, struct buf *b)
{
	for (int i = 0; i < ROUNDS && !has(b, needle); i++) {
		char part[16384];
		int n = SSL_read(ssl, part, sizeof(part));

		if (n > 0) {
			expect(buf_add(b, part, (size_t)n) == 0);
			i = 0;
		} else if (SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ) {
			return !needle;
		}
		lab_turn(l);
	}
	return has(b, needle);
}
