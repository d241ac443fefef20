/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/exchange.h"

#include "base/err.h"
#include "base/str.h"
#include "base/wire.h"
#include "gate/exchange-check.h"

/*
 * Theory of operation. A head is fields in a fixed order: numbers little-endian, strings
 * behind a length of 16 bits, lists behind their count. The decoder keeps a cursor that
 * goes bad for good at the first field that doesn't fit, so the fields are read without
 * a test after each; a head that has bytes left over is bad as well. Only what both came
 * out whole and passes exchange-check.h is handed on.
 */
enum {
	FLAG_TLS = 1,
	FLAG_TRAILERS = 2,
	FLAG_UPGRADE = 4,
	FLAGS_REQUEST = 7,
	FLAG_NEVER_INDEXED = 1,
	FLAG_REFUSED = 1,
};

struct cursor {
	const uint8_t *at, *end;
	bool bad, no_memory;
};

static const uint8_t *get(struct cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (c->bad || (size_t)(c->end - c->at) < len) {
		c->bad = true;
		return NULL;
	}
	c->at += len;
	return at;
}

static uint8_t get8(struct cursor *c)
{
	const uint8_t *at = get(c, 1);

	return at ? *at : 0;
}

static uint16_t get16(struct cursor *c)
{
	const uint8_t *at = get(c, 2);

	return at ? wire_get16(at) : 0;
}

static int64_t get_length(struct cursor *c)
{
	const uint8_t *at = get(c, 8);

	return at ? (int64_t)wire_get64(at) : 0;
}

/* Only these flags may be set: what a later version means by others isn't known here. */
static uint8_t get_flags(struct cursor *c, uint8_t known)
{
	uint8_t v = get8(c);

	if (v & ~known)
		c->bad = true;
	return v;
}

static char *get_str(struct cursor *c)
{
	size_t len = get16(c);
	const uint8_t *at = get(c, len);
	char *s;

	if (!at || memchr(at, 0, len)) {
		c->bad = true;
		return NULL;
	}
	s = malloc(len + 1);
	if (!s) {
		c->bad = c->no_memory = true;
		return NULL;
	}
	memcpy(s, at, len);
	s[len] = '\0';
	return s;
}

static void get_headers(struct cursor *c, struct exchange_headers *h)
{
	size_t n = get16(c), room = 1;

	if (c->bad || n > EXCHANGE_HEADERS_MAX) {
		c->bad = true;
		return;
	}
	/* as exchange_header_add() has it, which may be used on what was decoded */
	while (room < n)
		room *= 2;
	h->v = n ? calloc(room, sizeof(*h->v)) : NULL;
	if (n && !h->v)
		c->bad = c->no_memory = true;
	while (!c->bad && h->n < n) {
		struct exchange_header *v = &h->v[h->n++];

		v->never_indexed = get_flags(c, FLAG_NEVER_INDEXED);
		v->name = get_str(c);
		v->value = get_str(c);
	}
}

static int finish(const struct cursor *c, const char *what, struct err *e)
{
	if (c->no_memory)
		return err_set(e, ENOMEM, "%s: out of memory", what);
	if (c->bad || c->at != c->end)
		return err_set(e, EPROTO, "%s: malformed", what);
	return 0;
}

static int judge(const char *wrong, const char *what, struct err *e)
{
	return wrong ? err_set(e, EPROTO, "%s: %s", what, wrong) : 0;
}

/* The encoder's side: room was made for EXCHANGE_HEAD_MAX, so that nothing fails here. */
struct pen {
	uint8_t *at, *end;
	bool full;
};

static void put(struct pen *p, const void *data, size_t len)
{
	if (p->full || (size_t)(p->end - p->at) < len) {
		p->full = true;
		return;
	}
	if (len)
		memcpy(p->at, data, len);
	p->at += len;
}

static void put8(struct pen *p, uint8_t v)
{
	put(p, &v, 1);
}

static void put16(struct pen *p, uint16_t v)
{
	uint8_t b[2];

	wire_put16(b, v);
	put(p, b, sizeof(b));
}

static void put64(struct pen *p, uint64_t v)
{
	uint8_t b[8];

	wire_put64(b, v);
	put(p, b, sizeof(b));
}

static void put_str(struct pen *p, const char *s)
{
	size_t len = strlen(s);

	if (len > UINT16_MAX)
		p->full = true;
	put16(p, (uint16_t)len);
	put(p, s, len);
}

static void put_headers(struct pen *p, const struct exchange_headers *h)
{
	put16(p, (uint16_t)h->n);
	for (size_t i = 0; i < h->n; i++) {
		put8(p, h->v[i].never_indexed ? FLAG_NEVER_INDEXED : 0);
		put_str(p, h->v[i].name);
		put_str(p, h->v[i].value);
	}
}

static int pen_open(struct buf *out, struct pen *p)
{
	int r = buf_reserve(out, EXCHANGE_HEAD_MAX);

	if (r < 0)
		return r;
	p->at = (uint8_t *)out->data + out->len;
	p->end = p->at + EXCHANGE_HEAD_MAX;
	return 0;
}

static int pen_close(struct buf *out, const struct pen *p)
{
	if (p->full)
		return -EMSGSIZE;
	out->len = (size_t)(p->at - (uint8_t *)out->data);
	out->data[out->len] = '\0';
	return 0;
}

int exchange_header_add(struct exchange_headers *h, const char *name, const char *value)
{
	auto_free char *n = strdup(name), *v = strdup(value);

	if (!n || !v)
		return -ENOMEM;
	if (h->n >= EXCHANGE_HEADERS_MAX)
		return -E2BIG;
	/* grows at each power of two */
	if ((h->n & (h->n - 1)) == 0) {
		struct exchange_header *grown =
			reallocarray(h->v, h->n ? h->n * 2 : 1, sizeof(*h->v));

		if (!grown)
			return -ENOMEM;
		h->v = grown;
	}
	h->v[h->n++] = (struct exchange_header){ take_ptr(&n), take_ptr(&v), false };
	return 0;
}

const char *exchange_header_get(const struct exchange_headers *h, const char *name)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->v[i].name, name) == 0)
			return h->v[i].value;
	return NULL;
}

void exchange_headers_clear(struct exchange_headers *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->v[i].name);
		free(h->v[i].value);
	}
	free(h->v);
	*h = (struct exchange_headers){ 0 };
}

int exchange_request_encode(const struct exchange_request *q, struct buf *out)
{
	struct pen p = { 0 };
	int r;

	if (exchange_check_request(q))
		return -EINVAL;
	r = pen_open(out, &p);
	if (r < 0)
		return r;
	put8(&p,
		(uint8_t)((q->tls ? FLAG_TLS : 0) | (q->trailers ? FLAG_TRAILERS : 0) |
			(q->upgrade ? FLAG_UPGRADE : 0)));
	put8(&p, (uint8_t)q->addrs_n);
	put16(&p, q->port);
	put64(&p, (uint64_t)q->length);
	put_str(&p, q->method);
	put_str(&p, q->host);
	put_str(&p, q->target);
	if (q->upgrade)
		put_str(&p, q->upgrade);
	for (size_t i = 0; i < q->addrs_n; i++)
		put(&p, q->addrs[i].b, sizeof(q->addrs[i].b));
	put_headers(&p, &q->headers);
	return pen_close(out, &p);
}

static void read_request(struct cursor *c, struct exchange_request *q)
{
	uint8_t flags = get_flags(c, FLAGS_REQUEST);

	q->tls = flags & FLAG_TLS;
	q->trailers = flags & FLAG_TRAILERS;
	q->addrs_n = get8(c);
	q->port = get16(c);
	q->length = get_length(c);
	q->method = get_str(c);
	q->host = get_str(c);
	q->target = get_str(c);
	q->upgrade = flags & FLAG_UPGRADE ? get_str(c) : NULL;
	if (q->addrs_n > EXCHANGE_ADDRS_MAX)
		c->bad = true;
	for (size_t i = 0; !c->bad && i < q->addrs_n; i++) {
		const uint8_t *at = get(c, sizeof(q->addrs[i].b));

		if (at)
			memcpy(q->addrs[i].b, at, sizeof(q->addrs[i].b));
	}
	get_headers(c, &q->headers);
}

int exchange_request_decode(
	const void *data, size_t len, struct exchange_request *ret, struct err *e)
{
	struct cursor c = { data, (const uint8_t *)data + len, false, false };
	struct exchange_request q = { 0 };
	int r;

	read_request(&c, &q);
	r = finish(&c, "request", e);
	if (r == 0)
		r = judge(exchange_check_request(&q), "request", e);
	if (r == 0)
		*ret = q;
	else
		exchange_request_clear(&q);
	return r;
}

void exchange_request_clear(struct exchange_request *q)
{
	free(q->method);
	free(q->host);
	free(q->target);
	free(q->upgrade);
	exchange_headers_clear(&q->headers);
	*q = (struct exchange_request){ 0 };
}

int exchange_response_encode(const struct exchange_response *p, struct buf *out)
{
	struct pen pen = { 0 };
	int r;

	if (exchange_check_response(p))
		return -EINVAL;
	r = pen_open(out, &pen);
	if (r < 0)
		return r;
	put8(&pen, p->upgrade ? FLAG_UPGRADE : 0);
	put16(&pen, p->status);
	put64(&pen, (uint64_t)p->length);
	if (p->upgrade)
		put_str(&pen, p->upgrade);
	put_headers(&pen, &p->headers);
	return pen_close(out, &pen);
}

int exchange_response_decode(
	const void *data, size_t len, struct exchange_response *ret, struct err *e)
{
	struct cursor c = { data, (const uint8_t *)data + len, false, false };
	struct exchange_response p = { 0 };
	uint8_t flags;
	int r;

	flags = get_flags(&c, FLAG_UPGRADE);
	p.status = get16(&c);
	p.length = get_length(&c);
	p.upgrade = flags & FLAG_UPGRADE ? get_str(&c) : NULL;
	get_headers(&c, &p.headers);
	r = finish(&c, "response", e);
	if (r == 0)
		r = judge(exchange_check_response(&p), "response", e);
	if (r == 0)
		*ret = p;
	else
		exchange_response_clear(&p);
	return r;
}

void exchange_response_clear(struct exchange_response *p)
{
	free(p->upgrade);
	exchange_headers_clear(&p->headers);
	*p = (struct exchange_response){ 0 };
}

int exchange_headers_encode(const struct exchange_headers *h, struct buf *out)
{
	struct pen p = { 0 };
	int r;

	if (exchange_check_headers(h))
		return -EINVAL;
	if (h->n == 0)
		return 0;
	r = pen_open(out, &p);
	if (r < 0)
		return r;
	put_headers(&p, h);
	return pen_close(out, &p);
}

int exchange_headers_decode(
	const void *data, size_t len, struct exchange_headers *ret, struct err *e)
{
	const uint8_t *at = len ? data : (const uint8_t *)"";
	struct cursor c = { at, at + len, false, false };
	struct exchange_headers h = { 0 };
	int r;

	if (len)
		get_headers(&c, &h);
	r = finish(&c, "trailers", e);
	if (r == 0)
		r = judge(exchange_check_headers(&h), "trailers", e);
	if (r == 0)
		*ret = h;
	else
		exchange_headers_clear(&h);
	return r;
}

int exchange_failure_encode(const struct exchange_failure *f, struct buf *out)
{
	struct pen p = { 0 };
	int r;

	if (exchange_check_failure(f))
		return -EINVAL;
	r = pen_open(out, &p);
	if (r < 0)
		return r;
	put8(&p, f->refused ? FLAG_REFUSED : 0);
	put16(&p, f->status);
	put_str(&p, f->reason);
	return pen_close(out, &p);
}

int exchange_failure_decode(
	const void *data, size_t len, struct exchange_failure *ret, struct err *e)
{
	struct cursor c = { data, (const uint8_t *)data + len, false, false };
	struct exchange_failure f = { 0 };
	int r;

	f.refused = get_flags(&c, FLAG_REFUSED);
	f.status = get16(&c);
	f.reason = get_str(&c);
	r = finish(&c, "failure", e);
	if (r == 0)
		r = judge(exchange_check_failure(&f), "failure", e);
	if (r == 0)
		*ret = f;
	else
		exchange_failure_clear(&f);
	return r;
}

void exchange_failure_clear(struct exchange_failure *f)
{
	free(f->reason);
	*f = (struct exchange_failure){ 0 };
}
