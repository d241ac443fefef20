/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/front-http1.h"

#include "base/err.h"
#include "base/str.h"
#include "gate/front/http1.h"
#include "gate/front/request-authority.h"

#include <string.h>

/*
 * Theory of operation. 'in' holds what the client has sent and nobody has taken: a head
 * that isn't whole yet, a body that the injector has no room for, later requests. Each
 * step takes what it can from its front and says whether to go on.
 */
static int start(struct front *f, struct err *e)
{
	struct front_http1 *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(e, ENOMEM, "out of memory");
	h->minor = 1;
	f->state = h;
	return 0;
}

static void refuse(struct front *f, unsigned status, const char *why)
{
	auto_free char *text = str_printf("the request is refused: %s", why);

	front_refused(f, status, why);
	front_http1_reply(f, status, text ? text : why);
}

static unsigned status_of(int r)
{
	switch (-r) {
	case EMSGSIZE: return 431;
	case EPROTONOSUPPORT: return 505;
	case ENOMEM: return 503;
	default: return 400;
	}
}

/* An absolute form must say the same as Host does, and as the connection is. */
static const char *check_absolute(const struct front *f, const struct http1_head *h)
{
	struct authority target, host;

	if (h->https != f->tls)
		return "the scheme in the request target is not the connection's";
	if (authority_parse(h->authority, &target) < 0)
		return "the host in the request target is malformed";
	if (h->host &&
		(authority_parse(h->host, &host) < 0 ||
			!authority_same(&target, &host, f->tls ? 443 : 80)))
		return "Host and the request target differ";
	return NULL;
}

/* Whose authority counts; NULL after a refusal, or when the request was dealt with. */
static const char *authority_of(struct front *f, const struct http1_head *h)
{
	struct err e = { 0 };
	const char *ret = h->host, *wrong;
	int r;

	if (f->proxy) {
		r = front_proxy_request(f, h, &ret, &e);
		if (r < 0)
			refuse(f, status_of(r), e.msg);
		if (r)
			return NULL;
	} else if (h->form == HTTP1_AUTHORITY) {
		refuse(f, 400, "CONNECT is for the proxy port");
		return NULL;
	}
	if (h->form != HTTP1_ABSOLUTE)
		return ret;
	wrong = check_absolute(f, h);
	if (wrong)
		refuse(f, 400, wrong);
	return wrong ? NULL : h->authority;
}

static int fill(struct exchange_request *x, struct http1_head *head)
{
	if (str_set(&x->method, head->method) < 0 ||
		str_set(&x->target, head->target) < 0)
		return -ENOMEM;
	if (head->websocket && str_set(&x->upgrade, "websocket") < 0)
		return -ENOMEM;
	x->length = head->length;
	x->trailers = head->trailers;
	x->headers = head->headers;
	head->headers = (struct exchange_headers){ 0 };
	return 0;
}

static void begin(struct front *f, struct http1_head *head)
{
	struct front_http1 *h = f->state;
	const char *authority;

	h->minor = head->minor;
	h->keep = head->keep;
	h->expect = head->expect;
	h->trailers = head->trailers;
	h->chunked = head->chunked;
	h->to_head = strcmp(head->method, "HEAD") == 0;
	h->body_left = head->length;
	h->body_done = head->length == 0;
	authority = authority_of(f, head);
	if (!authority)
		return;
	h->q = request_new(f, &front_http1_ops, NULL);
	if (!h->q || fill(&h->q->x, head) < 0) {
		front_kill(f);
		return;
	}
	if (h->body_done && !head->websocket)
		request_body_end(h->q, NULL);
	request_start(h->q, authority); /* may be over when it returns */
}

/* Returns whether there was a whole head. */
static bool take_head(struct front *f)
{
	struct front_http1 *h = f->state;
	struct http1_head head;
	struct err e = { 0 };
	auto_buf struct buf text = { 0 };
	ssize_t n;
	int r;

	if (!h->seen && f->in.len)
		front_progress(f); /* from now on the head has to come in time */
	/* RFC 9112 section 2.2: an empty line before it */
	if (!h->blank && !h->seen && f->in.len >= 2 &&
		memcmp(f->in.data, "\r\n", 2) == 0) {
		h->blank = true;
		buf_drop(&f->in, 2);
	}
	if (f->in.len == 1 && f->in.data[0] == '\r')
		return false;
	n = http1_head_end(f->in.data, f->in.len, &h->seen);
	if (n == 0)
		return false;
	h->seen = 0;
	if (n < 0) {
		refuse(f, status_of((int)n),
			n == -EMSGSIZE
				? "its head is too long"
				: "its head holds NUL, or CR or LF that stands alone");
		return false;
	}
	/* a copy: what answers may take the rest of 'in' as its own */
	r = buf_add(&text, f->in.data, (size_t)n);
	buf_drop(&f->in, (size_t)n);
	r = r < 0 ? err_set(&e, -r, "%s", err_text(-r))
		  : http1_head_parse(text.data, text.len, &head, &e);
	if (r < 0) {
		refuse(f, status_of(r), e.msg);
		return false;
	}
	begin(f, &head);
	http1_head_clear(&head);
	return true;
}

/* Returns how many bytes of 'in' were taken; <0: the body is malformed. */
static ssize_t take_chunks(struct front *f, struct front_http1 *h, struct err *e)
{
	size_t at = 0;
	struct http1_piece p;
	int r = HTTP1_BODY_DATA;

	while (r == HTTP1_BODY_DATA && at < f->in.len && request_has_room(h->q)) {
		r = http1_body_next(&h->chunks, f->in.data + at, f->in.len - at, &p, e);
		if (r < 0)
			return r;
		at += p.used;
		if (p.len)
			request_body(h->q, p.data, p.len);
	}
	if (r == HTTP1_BODY_END) {
		h->body_done = true;
		request_body_end(h->q, &h->chunks.trailers);
	}
	return (ssize_t)at;
}

static ssize_t take_plain(struct front *f, struct front_http1 *h)
{
	size_t n = f->in.len;

	if (!request_has_room(h->q))
		return 0;
	if (!h->raw && (uint64_t)h->body_left < n)
		n = (size_t)h->body_left;
	if (n)
		request_body(h->q, f->in.data, n);
	if (h->raw)
		return (ssize_t)n;
	h->body_left -= (int64_t)n;
	if (!h->body_left) {
		h->body_done = true;
		request_body_end(h->q, NULL);
	}
	return (ssize_t)n;
}

/* Returns whether the body is whole now. */
static bool take_body(struct front *f)
{
	struct front_http1 *h = f->state;
	struct err e = { 0 };
	ssize_t n = h->chunked && !h->raw ? take_chunks(f, h, &e) : take_plain(f, h);

	if (n < 0) {
		/* the half of it is on its way: it mustn't look whole */
		front_refused(f, 400, e.msg);
		request_refuse(h->q, 400, e.msg);
		front_close(f);
		return false;
	}
	if (n)
		front_progress(f);
	buf_drop(&f->in, (size_t)n);
	return h->body_done;
}

/* The client has closed, and all that it sent has been seen. */
static void take_eof(struct front *f)
{
	struct front_http1 *h = f->state;

	if (!h->raw)
		front_kill(f); /* a head or a body that has no end; or nobody waits */
	else if (!f->in.len)
		request_body_end(h->q, NULL);
}

static void input(struct front *f)
{
	struct front_http1 *h = f->state;
	bool more = true;

	while (more && !f->dead && f->phase == FRONT_OPEN && !f->full) {
		if (h->raw || (h->q && !h->body_done))
			more = take_body(f) && !h->raw;
		else
			more = !h->q && f->in.len && take_head(f);
	}
	if (h->eof && !f->dead && f->phase == FRONT_OPEN &&
		(h->raw || !h->q || h->body_done || !f->in.len))
		take_eof(f);
}

static void eof(struct front *f)
{
	struct front_http1 *h = f->state;

	h->eof = true;
	input(f);
}

static void output(struct front *f)
{
	(void)f; /* it is written as it comes */
}

static void drained(struct front *f)
{
	struct front_http1 *h = f->state;

	if (h->q)
		request_pause(h->q, false);
	f->again = true;
}

static bool wants(const struct front *f)
{
	const struct front_http1 *h = f->state;

	if (h->eof)
		return f->again;
	if (h->raw || (h->q && !h->body_done))
		return request_has_room(h->q);
	return !h->q || f->in.len < FRONT_HTTP1_AHEAD;
}

static unsigned limit(const struct front *f)
{
	const struct front_http1 *h = f->state;

	if (!h->q)
		return f->in.len ? FRONT_HEAD_S : FRONT_IDLE_S;
	return !h->raw && !h->body_done && request_has_room(h->q) ? FRONT_IDLE_S : 0;
}

static void end(struct front *f, const char *why)
{
	struct front_http1 *h = f->state;

	if (!h->q && f->in.len)
		front_http1_reply(f, 408, why);
	else if (!h->q)
		front_close(f);
	else
		front_kill(f);
}

static void free_state(struct front *f)
{
	struct front_http1 *h = f->state;

	if (h)
		http1_body_clear(&h->chunks);
	free(h);
}

const struct front_proto front_http1 = { start, input, eof, output, drained, wants, limit,
	end, free_state };
