/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/front-lab-roles.h"

#include "base/loop.h"
#include "base/parcel.h"
#include "base/str.h"
#include "base/test.h"
#include "base/wire.h"
#include "gate/exchange.h"
#include "gate/front/front-lab.h"
#include "gate/roles.h"

#include <openssl/x509v3.h>

struct serve {
	struct lab *l;
	struct serve *next;
	struct wire wire;
	struct loop_source *src;
	struct exchange_request q;
	uint64_t came;
	size_t left; /* of /big */
	bool busy, late, gone, ended;
};

static int vault_end = -1, injector_end = -1;
static struct serve *serves;

static void sign_with(X509 *cert, EVP_PKEY *key)
{
	expect(X509_sign(cert, key, EVP_sha256()) > 0);
}

static X509 *new_cert(const char *name, EVP_PKEY *key, X509 *issuer)
{
	static long serial;
	X509 *c = X509_new();
	X509_NAME *subject = X509_NAME_new();

	expect(c && subject && X509_set_version(c, 2));
	expect(ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial));
	expect(X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0));
	expect(X509_set_subject_name(c, subject));
	expect(X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer) : subject));
	expect(X509_gmtime_adj(X509_getm_notBefore(c), -60));
	expect(X509_gmtime_adj(X509_getm_notAfter(c), 86400));
	expect(X509_set_pubkey(c, key));
	X509_NAME_free(subject);
	return c;
}

static void add_extension(X509 *c, int nid, const char *value)
{
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	expect(x && X509_add_ext(c, x, -1));
	X509_EXTENSION_free(x);
}

static void send_cert(int fd, const char *name, X509 *c)
{
	auto_buf struct buf b = { 0 };
	unsigned char *der = NULL;
	int len = i2d_X509(c, &der);

	expect(len > 0 && buf_add(&b, name, strlen(name) + 1) == 0);
	expect(buf_add(&b, der, (size_t)len) == 0);
	expect(parcel_send(fd, VAULT_SIGNED, b.data, b.len) == 0);
	OPENSSL_free(der);
}

static void sign(struct lab *l, const struct parcel *p)
{
	const char *name = p->data;
	size_t n = strlen(name);
	const unsigned char *at = (const unsigned char *)name + n + 1;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)(p->len - n - 1));
	struct address a;
	char alt[300];
	X509 *c;

	expect(key && p->type == VAULT_SIGN);
	(void)snprintf(alt, sizeof(alt), "%s:%s",
		address_parse(name, &a) == 0 ? "IP" : "DNS", name);
	c = new_cert(name, key, l->ca);
	add_extension(c, NID_subject_alt_name, alt);
	sign_with(c, l->ca_key);
	if (!l->signed_n++)
		send_cert(vault_end, "", l->ca);
	send_cert(vault_end, name, c);
	X509_free(c);
	EVP_PKEY_free(key);
}

static void on_vault(struct loop_source *src, uint32_t events, void *data)
{
	static const char no[] = "a.example\0the vault would rather not";
	struct lab *l = data;
	struct parcel p;

	(void)src, (void)events;
	while (parcel_recv(vault_end, &p) == 1)
		if (l->vault_refuses)
			expect(parcel_send(vault_end, VAULT_NOT_SIGNED, no, sizeof(no)) ==
				0);
		else if (!l->vault_mute)
			sign(l, &p);
}

static void on_signed(struct loop_source *src, uint32_t events, void *data)
{
	struct lab *l = data;
	struct parcel p;

	(void)src, (void)events;
	while (parcel_recv(l->g.vault, &p) == 1)
		expect(front_vault_parcel(&l->g, &p) == 0);
}

static void put(struct serve *s, uint8_t type, const void *data, size_t len)
{
	struct wire_frame f = { .type = type, .len = (uint32_t)len, .data = data };

	if (s->gone)
		return;
	expect(wire_send(&s->wire, &f) == 0);
	if (wire_flush(&s->wire) < 0)
		s->gone = true;
}

static void head(struct serve *s, unsigned status, int64_t length)
{
	auto_buf struct buf b = { 0 };
	struct exchange_response p = { .status = (uint16_t)status, .length = length };

	if (status == 101)
		p.upgrade = s->q.upgrade;
	expect(exchange_header_add(&p.headers, "x-lab", "yes") == 0);
	expect(exchange_header_add(&p.headers, "alt-svc", "h3=\":443\"") == 0);
	expect(exchange_response_encode(&p, &b) == 0);
	put(s, EXCHANGE_RESPONSE, b.data, b.len);
	exchange_headers_clear(&p.headers);
}

static void finish(struct serve *s)
{
	if (s->ended)
		return;
	s->ended = true;
	put(s, EXCHANGE_END, NULL, 0);
}

static void trailers(struct serve *s)
{
	auto_buf struct buf b = { 0 };
	struct exchange_headers h = { 0 };

	expect(exchange_header_add(&h, "x-sum", "42") == 0);
	expect(exchange_headers_encode(&h, &b) == 0);
	put(s, EXCHANGE_DATA, "body", 4);
	put(s, EXCHANGE_END, b.data, b.len);
	s->ended = true;
	exchange_headers_clear(&h);
}

static void fail(struct serve *s)
{
	auto_buf struct buf b = { 0 };
	struct exchange_failure f = { .status = 502,
		.reason = (char[]){ "the server is not there" } };

	expect(exchange_failure_encode(&f, &b) == 0);
	put(s, EXCHANGE_FAILED, b.data, b.len);
	s->gone = true;
}

static bool is(const struct serve *s, const char *path)
{
	return str_starts(s->q.target, path);
}

static void begin(struct serve *s, const struct wire_frame *f)
{
	struct lab *l = s->l;
	struct exchange_request *q = &s->q;
	size_t n = 0;

	exchange_request_clear(q);
	expect(exchange_request_decode(f->data, f->len, q, NULL) == 0);
	s->came = 0;
	s->ended = false;
	l->requests++;
	(void)snprintf(l->method, sizeof(l->method), "%s", q->method);
	(void)snprintf(l->host, sizeof(l->host), "%s", q->host);
	(void)snprintf(l->target, sizeof(l->target), "%s", q->target);
	l->port = q->port;
	l->addrs_n = q->addrs_n;
	l->addr = q->addrs[0];
	l->seen[0] = '\0';
	for (size_t i = 0; i < q->headers.n && n < sizeof(l->seen); i++)
		n += (size_t)snprintf(l->seen + n, sizeof(l->seen) - n, "%s: %s\n",
			q->headers.v[i].name, q->headers.v[i].value);
	if (q->upgrade)
		head(s, 101, EXCHANGE_LENGTH_UNKNOWN);
	else if (is(s, "/echo"))
		head(s, 200, EXCHANGE_LENGTH_UNKNOWN);
	else if (is(s, "/sse")) {
		head(s, 200, EXCHANGE_LENGTH_UNKNOWN);
		put(s, EXCHANGE_DATA, "data: one\n\n", 11);
		s->late = true;
	} else if (is(s, "/stall"))
		(void)loop_source_events(s->src, 0);
	else if (is(s, "/fail"))
		fail(s);
	else if (is(s, "/cut")) {
		head(s, 200, 100);
		put(s, EXCHANGE_DATA, "half", 4);
		s->gone = true;
	}
}

static void complete(struct serve *s)
{
	char text[64];

	if (s->q.upgrade || is(s, "/echo")) {
		finish(s);
	} else if (is(s, "/hello")) {
		head(s, 200, 5);
		put(s, EXCHANGE_DATA, "hello", 5);
		finish(s);
	} else if (is(s, "/count") || is(s, "/stall")) {
		int n = snprintf(
			text, sizeof(text), "%llu\n", (unsigned long long)s->came);

		head(s, 200, n);
		put(s, EXCHANGE_DATA, text, (size_t)n);
		finish(s);
	} else if (is(s, "/big?")) {
		s->left = strtoul(s->q.target + 5, NULL, 10);
		head(s, 200, (int64_t)s->left);
	} else if (is(s, "/trailers")) {
		head(s, 200, EXCHANGE_LENGTH_UNKNOWN);
		trailers(s);
	}
}

static void pour(struct serve *s)
{
	static char bytes[32768];

	while (s->left && wire_pending(&s->wire) < (128 << 10) && !s->gone) {
		size_t n = s->left < sizeof(bytes) ? s->left : sizeof(bytes);

		s->left -= n;
		put(s, EXCHANGE_DATA, bytes, n);
		if (!s->left)
			finish(s);
	}
}

static void take(struct serve *s, const struct wire_frame *f)
{
	if (f->type == EXCHANGE_REQUEST) {
		begin(s, f);
	} else if (f->type == EXCHANGE_DATA) {
		s->came += f->len;
		if (s->q.upgrade || is(s, "/echo"))
			put(s, EXCHANGE_DATA, f->data, f->len);
	} else if (f->type == EXCHANGE_END) {
		complete(s);
	} else if (f->type == EXCHANGE_RESET) {
		s->l->resets++;
		s->gone = true;
	}
}

static void free_serve(struct serve *s)
{
	struct serve **at = &serves;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	loop_source_free(s->src);
	wire_clear(&s->wire);
	exchange_request_clear(&s->q);
	free(s);
}

static void on_exchange(struct loop_source *src, uint32_t events, void *data)
{
	struct serve *s = data;
	struct wire_frame f;
	int r = -EAGAIN;

	(void)src;
	if (events & (EPOLLIN | EPOLLHUP))
		r = wire_read(&s->wire);
	while (!s->gone && loop_source_watched(s->src) && wire_next(&s->wire, &f) == 1)
		take(s, &f);
	if (wire_flush(&s->wire) < 0)
		s->gone = true;
	pour(s);
	if (s->gone || r == 0 || (r < 0 && r != -EAGAIN && r != -ENOBUFS)) {
		free_serve(s);
		return;
	}
	if (loop_source_watched(s->src))
		(void)loop_source_events(s->src,
			EPOLLIN | (s->left || wire_pending(&s->wire) ? EPOLLOUT : 0));
}

static void on_injector(struct loop_source *src, uint32_t events, void *data)
{
	struct lab *l = data;
	struct parcel p;

	(void)src, (void)events;
	while (parcel_recv(injector_end, &p) == 1) {
		struct serve *s = calloc(1, sizeof(*s));

		expect(s && p.type == GATE_EXCHANGE && p.fds_n == 1);
		s->l = l;
		s->next = serves;
		serves = s;
		wire_init(&s->wire, p.fds[0]);
		expect(loop_add_fd(l->g.loop, p.fds[0], EPOLLIN, on_exchange, s, &s->src,
			       NULL) == 0);
	}
}

/* Looks every few milliseconds whether the test has said to go on. */
static void on_tick(struct loop_source *src, void *data)
{
	struct lab *l = data;

	for (struct serve *s = serves; s && l->go; s = s->next) {
		if (s->late) {
			s->late = false;
			put(s, EXCHANGE_DATA, "data: two\n\n", 11);
			finish(s);
		}
		(void)loop_source_events(s->src, EPOLLIN);
	}
	loop_timer_arm(src, 3000000);
}

void lab_roles_start(struct lab *l)
{
	struct loop_source *tick;
	int vault[2], injector[2];

	l->ca_key = EVP_EC_gen("P-256");
	l->ca = new_cert("the lab's CA", l->ca_key, NULL);
	add_extension(l->ca, NID_basic_constraints, "critical,CA:TRUE");
	sign_with(l->ca, l->ca_key);
	expect(parcel_pair(vault, NULL) == 0 && parcel_pair(injector, NULL) == 0);
	l->g.vault = vault[0];
	vault_end = vault[1];
	l->g.injector = injector[0];
	injector_end = injector[1];
	expect(loop_add_fd(l->g.loop, vault_end, EPOLLIN, on_vault, l, NULL, NULL) == 0);
	expect(loop_add_fd(l->g.loop, l->g.vault, EPOLLIN, on_signed, l, NULL, NULL) ==
		0);
	expect(loop_add_fd(l->g.loop, injector_end, EPOLLIN, on_injector, l, NULL,
		       NULL) == 0);
	expect(loop_add_timer(l->g.loop, on_tick, l, &tick, NULL) == 0);
	loop_timer_arm(tick, 3000000);
}

void lab_roles_stop(struct lab *l)
{
	while (serves)
		free_serve(serves);
	X509_free(l->ca);
	EVP_PKEY_free(l->ca_key);
	(void)close(vault_end);
	(void)close(injector_end);
	if (l->g.vault >= 0)
		(void)close(l->g.vault);
	if (l->g.injector >= 0)
		(void)close(l->g.injector);
}
