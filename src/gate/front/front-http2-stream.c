/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "gate/exchange-check.h"
#include "gate/front/front-http2.h"
#include "gate/front/http1-body.h"
#include "gate/front/http1.h"
#include "gate/front/request-authority.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

/*
 * Theory of operation. A stream collects its header list, becomes a request, and keeps two
 * queues: content that comes before the verdict (no more than the window), and response
 * bytes until nghttp2 asks for them. A WebSocket (RFC 8441) is the same exchange as over
 * HTTP/1: the handshake's key, which HTTP/2 has no use for, is made up here.
 */
static const struct request_ops stream_ops;

struct http2_stream *http2_stream_new(struct front *f, int32_t id)
{
	struct front_http2 *h = f->state;
	struct http2_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->f = f;
	s->id = id;
	s->length = EXCHANGE_LENGTH_UNKNOWN;
	s->cookie.max = HTTP2_HEAD_MAX;
	s->next = h->first;
	if (s->next)
		s->next->prev = s;
	h->first = s;
	h->n++;
	return s;
}

static void clear_head(struct http2_stream *s)
{
	char **texts[] = { &s->method, &s->scheme, &s->path, &s->authority, &s->host,
		&s->protocol };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	buf_clear(&s->cookie);
	exchange_headers_clear(&s->headers);
}

void http2_stream_free(struct http2_stream *s)
{
	struct front_http2 *h;

	if (!s)
		return;
	h = s->f->state;
	request_free(s->q);
	clear_head(s);
	exchange_headers_clear(&s->trailers);
	exchange_headers_clear(&s->last);
	h->buffered -= s->out.len - s->out_at;
	buf_clear(&s->in);
	buf_clear(&s->out);
	if (s->prev)
		s->prev->next = s->next;
	else
		h->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	h->n--;
	if (!h->n)
		front_progress(s->f);
	free(s);
}

/* nghttp2 lets each of these come once only, and before the others. */
static char **pseudo(struct http2_stream *s, const char *name)
{
	const struct {
		const char *name;
		char **at;
	} table[] = {
		{ ":authority", &s->authority },
		{ ":method", &s->method },
		{ ":path", &s->path },
		{ ":protocol", &s->protocol },
		{ ":scheme", &s->scheme },
		{ "host", &s->host },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(name, table[i].name) == 0)
			return table[i].at;
	return NULL;
}

static int add_cookie(struct http2_stream *s, const char *value)
{
	int r = s->cookie.len ? buf_add(&s->cookie, "; ", 2) : 0;

	return r == 0 ? buf_add_str(&s->cookie, value) : r;
}

static int add_trailer(struct http2_stream *s, const char *name, const char *value)
{
	if (s->trailers.n == HTTP1_TRAILERS_N)
		return -E2BIG;
	return http1_trailer_is_sane(name)
		? exchange_header_add(&s->trailers, name, value)
		: 0;
}

static int set_length(struct http2_stream *s, const char *value)
{
	uint64_t v;

	if (s->length >= 0 || str_to_uint(value, INT64_MAX, "length", &v, NULL) < 0)
		return -EINVAL;
	s->length = (int64_t)v;
	return 0;
}

int http2_stream_header(struct http2_stream *s, const char *name, const char *value)
{
	char **at = pseudo(s, name);

	/* RFC 9113 section 6.5.2 counts 32 bytes for each */
	s->head_bytes += strlen(name) + strlen(value) + 32;
	if (s->head_bytes > HTTP2_HEAD_MAX || ++s->fields > EXCHANGE_HEADERS_MAX)
		return -E2BIG;
	if (s->whole)
		return add_trailer(s, name, value);
	if (at)
		return *at ? -EINVAL : str_set(at, value);
	if (strcmp(name, "cookie") == 0)
		return add_cookie(s, value);
	if (strcmp(name, "content-length") == 0)
		return set_length(s, value);
	if (strcmp(name, "te") == 0)
		s->te = strcmp(value, "trailers") == 0;
	else if (strcmp(name, "expect") == 0)
		s->expect = true;
	else if (!exchange_is_hop(name))
		return exchange_header_add(&s->headers, name, value);
	return 0;
}

static const char *check_head(const struct http2_stream *s)
{
	struct authority a, b;
	bool connect = str_eq(s->method, "CONNECT");

	if (connect && !s->protocol)
		return "CONNECT is for the proxy port";
	if (s->protocol && (!connect || strcmp(s->protocol, "websocket") != 0))
		return "the only protocol to switch to is websocket";
	if (!s->method || !exchange_is_token(s->method, false))
		return "the method is no token";
	if (!str_eq(s->scheme, s->f->tls ? "https" : "http"))
		return "the scheme is not the connection's";
	if (!s->path || !http1_is_target(s->path) ||
		(*s->path != '/' &&
			!(str_eq(s->path, "*") && str_eq(s->method, "OPTIONS"))))
		return "the path is malformed";
	if (!s->authority && !s->host)
		return "there is no :authority";
	if (s->authority && s->host &&
		(authority_parse(s->authority, &a) < 0 ||
			authority_parse(s->host, &b) < 0 ||
			!authority_same(&a, &b, s->f->tls ? 443 : 80)))
		return ":authority and Host differ";
	return NULL;
}

/* RFC 6455 section 4.1: sixteen random bytes. */
static int add_websocket_key(struct exchange_headers *h)
{
	unsigned char raw[16], text[25];

	if (RAND_bytes(raw, sizeof(raw)) != 1 ||
		EVP_EncodeBlock(text, raw, sizeof(raw)) != 24)
		return -EIO;
	return exchange_header_add(h, "sec-websocket-key", (const char *)text);
}

static int fill(struct http2_stream *s, struct exchange_request *x)
{
	int r = s->cookie.len ? exchange_header_add(&s->headers, "cookie", s->cookie.data)
			      : 0;

	if (r == 0)
		r = str_set(&x->method, s->protocol ? "GET" : s->method);
	if (r == 0)
		r = str_set(&x->target, s->path);
	if (r == 0 && s->protocol)
		r = str_set(&x->upgrade, s->protocol);
	if (r == 0 && s->protocol &&
		!exchange_header_get(&s->headers, "sec-websocket-key"))
		r = add_websocket_key(&s->headers);
	x->length = s->protocol ? 0 : s->length;
	x->trailers = s->te;
	x->headers = s->headers;
	s->headers = (struct exchange_headers){ 0 };
	return r;
}

void http2_stream_start(struct http2_stream *s, bool last)
{
	struct front *f = s->f;
	struct front_http2 *h = f->state;
	auto_free char *authority = NULL;
	const char *wrong = check_head(s);

	s->whole = true;
	s->q = request_new(f, &stream_ops, s);
	/* nothing follows, so the upstream need not be told to expect something */
	if (last && s->length < 0)
		s->length = 0;
	if (!s->q || (!wrong && fill(s, &s->q->x) < 0)) {
		request_free(s->q);
		s->q = NULL;
		(void)nghttp2_submit_rst_stream(
			h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
		return;
	}
	s->no_body = str_eq(s->method, "HEAD");
	authority = take_ptr(s->authority ? &s->authority : &s->host);
	clear_head(s);
	if (wrong) {
		front_refused(f, 400, wrong);
		request_refuse(s->q, 400, wrong);
	} else {
		request_start(s->q, authority);
	}
}

/* Let the client send as much again as the injector has taken. */
static void consume(struct http2_stream *s)
{
	struct front_http2 *h = s->f->state;

	if (!s->unconsumed || (s->q && !request_has_room(s->q)))
		return;
	(void)nghttp2_session_consume(h->session, s->id, s->unconsumed);
	s->unconsumed = 0;
}

void http2_stream_data(struct http2_stream *s, const void *data, size_t len)
{
	s->unconsumed += len;
	if (s->q && s->q->accepted)
		request_body(s->q, data, len);
	else if (s->q && buf_add(&s->in, data, len) < 0)
		front_kill(s->f);
	consume(s);
}

void http2_stream_end(struct http2_stream *s)
{
	s->in_done = true;
	if (s->q && s->q->accepted)
		request_body_end(s->q, &s->trailers);
}

static void on_accepted(struct request *q)
{
	struct http2_stream *s = q->owner;
	struct front_http2 *h = s->f->state;
	nghttp2_nv nv = { (uint8_t[]){ ":status" }, (uint8_t[]){ "100" }, 7, 3, 0 };

	if (s->expect && !s->in_done && !s->in.len)
		(void)nghttp2_submit_headers(
			h->session, NGHTTP2_FLAG_NONE, s->id, NULL, &nv, 1, NULL);
	if (s->in.len)
		request_body(q, s->in.data, s->in.len);
	buf_clear(&s->in);
	if (s->in_done)
		request_body_end(q, &s->trailers);
	consume(s);
}

static void on_room(struct request *q)
{
	consume(q->owner);
}

static void add_nv(nghttp2_nv *nv, const char *name, const char *value, bool sensitive)
{
	*nv = (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
		strlen(name), strlen(value),
		sensitive ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE };
}

/* Does the head already end the response? gRPC says so by the place of its status. */
static bool has_no_body(const struct http2_stream *s, const struct exchange_response *p)
{
	return s->no_body || p->status == 204 || p->status == 304 || p->length == 0 ||
		exchange_header_get(&p->headers, "grpc-status") != NULL;
}

static size_t fill_head(const struct http2_stream *s, const struct exchange_response *p,
	nghttp2_nv *nv, char text[2][24])
{
	unsigned status = p->status == 101 ? 200 : p->status;
	size_t n = 0;

	(void)snprintf(text[0], sizeof(text[0]), "%u", status);
	add_nv(&nv[n++], ":status", text[0], false);
	for (size_t i = 0; i < p->headers.n; i++) {
		const struct exchange_header *v = &p->headers.v[i];

		if (!s->raw || strcmp(v->name, "sec-websocket-accept") != 0)
			add_nv(&nv[n++], v->name, v->value, v->never_indexed);
	}
	if (p->length >= 0 && status >= 200 && status != 204 && status != 304 &&
		!s->raw) {
		(void)snprintf(text[1], sizeof(text[1]), "%" PRId64, p->length);
		add_nv(&nv[n++], "content-length", text[1], false);
	}
	return n;
}

static void on_head(struct request *q, const struct exchange_response *p)
{
	struct http2_stream *s = q->owner;
	struct front_http2 *h = s->f->state;
	nghttp2_nv nv[EXCHANGE_HEADERS_MAX + 2];
	nghttp2_data_provider body = { .source = { .ptr = s },
		.read_callback = http2_stream_read };
	char text[2][24];
	size_t n;
	int r;

	s->raw = p->status == 101;
	n = fill_head(s, p, nv, text);
	if (p->status < 200 && !s->raw) {
		r = nghttp2_submit_headers(
			h->session, NGHTTP2_FLAG_NONE, s->id, NULL, nv, n, NULL);
	} else {
		if (q->x.upgrade && !s->raw)
			request_body_end(q, NULL);
		s->no_body = !s->raw && has_no_body(s, p);
		r = nghttp2_submit_response(
			h->session, s->id, nv, n, s->no_body ? NULL : &body);
	}
	if (r != 0)
		(void)nghttp2_submit_rst_stream(
			h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
}

static void resume(struct http2_stream *s)
{
	struct front_http2 *h = s->f->state;

	if (s->deferred)
		(void)nghttp2_session_resume_data(h->session, s->id);
	s->deferred = false;
}

static void on_body(struct request *q, const void *data, size_t len)
{
	struct http2_stream *s = q->owner;
	struct front_http2 *h = s->f->state;

	if (s->no_body || !len)
		return;
	if (s->out_at > s->out.len / 2) {
		buf_drop(&s->out, s->out_at);
		s->out_at = 0;
	}
	if (buf_add(&s->out, data, len) < 0) {
		front_kill(s->f);
		return;
	}
	h->buffered += len;
	if (s->out.len - s->out_at > HTTP2_STREAM_OUT || h->buffered > HTTP2_OUT)
		request_pause(q, true);
	resume(s);
}

static void on_end(struct request *q, const struct exchange_headers *trailers)
{
	struct http2_stream *s = q->owner;

	for (size_t i = 0; trailers && i < trailers->n; i++)
		if (http1_trailer_is_sane(trailers->v[i].name))
			(void)exchange_header_add(
				&s->last, trailers->v[i].name, trailers->v[i].value);
	s->out_done = true;
	s->q = NULL;
	request_free(q);
	consume(s);
	resume(s);
}

static void on_reset(struct request *q)
{
	struct http2_stream *s = q->owner;
	struct front_http2 *h = s->f->state;

	s->q = NULL;
	request_free(q);
	(void)nghttp2_submit_rst_stream(
		h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
}

static void submit_trailers(struct http2_stream *s, nghttp2_session *session)
{
	nghttp2_nv nv[EXCHANGE_HEADERS_MAX];

	for (size_t i = 0; i < s->last.n; i++)
		add_nv(&nv[i], s->last.v[i].name, s->last.v[i].value, false);
	(void)nghttp2_submit_trailer(session, s->id, nv, s->last.n);
}

ssize_t http2_stream_read(nghttp2_session *session, int32_t id, uint8_t *into, size_t len,
	uint32_t *flags, nghttp2_data_source *source, void *data)
{
	struct http2_stream *s = source->ptr;
	struct front_http2 *h = s->f->state;
	size_t have = s->out.len - s->out_at;

	(void)id, (void)data;
	if (!have && !s->out_done) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (len > have)
		len = have;
	if (len)
		memcpy(into, s->out.data + s->out_at, len);
	s->out_at += len;
	h->buffered -= len;
	if (s->out_at == s->out.len) {
		buf_clear(&s->out);
		s->out_at = 0;
		if (s->q)
			request_pause(s->q, false);
	}
	if (!s->out_done || s->out.len)
		return (ssize_t)len;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (s->last.n) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		submit_trailers(s, session);
	}
	return (ssize_t)len;
}

static const struct request_ops stream_ops = { on_accepted, on_head, on_body, on_end,
	on_reset, on_room };
