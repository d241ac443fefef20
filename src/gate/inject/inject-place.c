/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-place.h"

#include "base/err.h"
#include "gate/exchange-check.h"
#include "gate/inject/inject-code.h"

#include <openssl/crypto.h>
#include <strings.h>

struct work {
	struct inject_secrets *set;
	struct exchange_request *q;
	struct inject_placed *p;
	struct err *e;
};

static void wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	buf_clear(b);
}
#define auto_wipe AUTO(wipe)

static int refuse(struct work *w, const struct inject_secret *s, const char *why)
{
	w->p->refused = s;
	return err_set(w->e, EACCES, "the secret '%s' %s", s->name, why);
}

static int no_memory(struct work *w)
{
	return err_set(w->e, ENOMEM, "out of memory");
}

/* Is 's' for the host that this request goes to? */
static int check_grant(struct work *w, const struct inject_secret *s)
{
	w->p->refused = s;
	if (!inject_secret_granted(s, w->q->host))
		return err_set(w->e, EACCES, "the secret '%s' is not for the host '%s'",
			s->name, w->q->host);
	if (!w->q->tls)
		return err_set(w->e, EACCES,
			"the secret '%s' doesn't go to '%s' without TLS", s->name,
			w->q->host);
	w->p->refused = NULL;
	return 0;
}

static void note(struct work *w, struct inject_secret *s)
{
	w->p->put[s - w->set->v] = true;
	w->p->any = true;
	s->used = true;
}

/* Copy 'text' with each sentinel replaced. Returns how many were, or -errno. */
static int replace_plain(struct work *w, const char *text, size_t len, struct buf *out)
{
	int n = 0;

	for (size_t at;; n++) {
		struct inject_secret *s = inject_secrets_find(w->set, text, len, &at);
		int r;

		if (!s)
			return buf_add(out, text, len) < 0 ? no_memory(w) : n;
		r = check_grant(w, s);
		if (r < 0)
			return r;
		if (buf_add(out, text, at) < 0 || buf_add_str(out, s->value) < 0)
			return no_memory(w);
		note(w, s);
		at += strlen(s->sentinel);
		text += at;
		len -= at;
	}
}

/* A ':' in the user's name would move the password (RFC 7617 section 2). */
static int check_user(struct work *w, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);

	for (size_t at; colon;) {
		struct inject_secret *s =
			inject_secrets_find(w->set, text, (size_t)(colon - text), &at);

		if (!s)
			return 0;
		if (strchr(s->value, ':'))
			return refuse(w, s,
				"holds a ':' and can't be the user of Basic "
				"credentials");
		text += at + strlen(s->sentinel);
	}
	return 0;
}

/* "Basic dXNlcjpwYXNz" with a sentinel inside. As replace_plain(). */
static int replace_basic(struct work *w, const char *value, struct buf *out)
{
	auto_wipe struct buf plain = { 0 }, with = { 0 };
	const char *text = value + 6 + strspn(value + 6, " ");
	size_t at, start;
	int n;

	if (inject_base64_decode(text, strlen(text), &plain) < 0 ||
		!inject_secrets_find(w->set, plain.data, plain.len, &at))
		return 0;
	n = check_user(w, plain.data, plain.len);
	if (n == 0)
		n = replace_plain(w, plain.data, plain.len, &with);
	if (n < 0)
		return n;
	if (buf_add_str(out, "Basic ") < 0)
		return no_memory(w);
	start = out->len;
	if (inject_base64_encode(with.data, with.len, out) < 0)
		return no_memory(w);
	/* a server may send back what it got */
	if (inject_mask_add(w->p->mask, out->data + start, out->len - start) == -ENOMEM)
		return no_memory(w);
	return n;
}

static int place_header(struct work *w, struct exchange_header *h)
{
	auto_wipe struct buf out = { 0 };
	int n = 0;

	if (strncasecmp(h->value, "basic ", 6) == 0)
		n = replace_basic(w, h->value, &out);
	if (n == 0)
		n = replace_plain(w, h->value, strlen(h->value), &out);
	if (n <= 0)
		return n;
	/* the vault takes no value that could end a header; this doesn't rest on it */
	if (strlen(out.data) != out.len || !exchange_is_value(out.data))
		return err_set(w->e, EACCES, "a secret can't be put into the header '%s'",
			h->name);
	free(h->value);
	h->value = buf_take(&out);
	h->never_indexed = true;
	return h->value ? 0 : no_memory(w);
}

static int place_query(struct work *w, const char *query, struct buf *out)
{
	auto_wipe struct buf plain = { 0 }, encoded = { 0 };
	auto_free uint32_t *offset = NULL;
	size_t from = 0, from_raw = 0;

	if (inject_percent_decode(query, strlen(query), &plain, &offset) < 0)
		return no_memory(w);
	for (size_t at;;) {
		struct inject_secret *s = inject_secrets_find(
			w->set, plain.data + from, plain.len - from, &at);
		int r = s ? check_grant(w, s) : 0;

		if (r < 0)
			return r;
		at = s ? offset[from + at] : strlen(query);
		encoded.len = 0;
		if (buf_add(out, query + from_raw, at - from_raw) < 0)
			return no_memory(w);
		if (!s)
			return 0;
		if (inject_percent_encode(s->value, &encoded) < 0 ||
			buf_add(out, encoded.data, encoded.len) < 0)
			return no_memory(w);
		note(w, s);
		while (offset[from] < at)
			from++;
		from += strlen(s->sentinel);
		from_raw = offset[from];
	}
}

/* The path mustn't hold one, in any spelling; the query may. */
static int place_target(struct work *w)
{
	auto_wipe struct buf out = { 0 }, path = { 0 };
	auto_free uint32_t *offset = NULL;
	size_t len = strcspn(w->q->target, "?"), at;
	const struct inject_secret *s;
	int r;

	if (inject_percent_decode(w->q->target, len, &path, &offset) < 0)
		return no_memory(w);
	s = inject_secrets_find(w->set, path.data, path.len, &at);
	if (s)
		return refuse(w, s, "can't go into a path");
	if (!w->q->target[len])
		return 0;
	if (buf_add(&out, w->q->target, len + 1) < 0)
		return no_memory(w);
	r = place_query(w, w->q->target + len + 1, &out);
	if (r < 0)
		return r;
	free(w->q->target);
	w->q->target = buf_take(&out);
	return 0;
}

/* Names of headers are in lower case: compare without regard to it. */
static int check_names(struct work *w, const struct exchange_headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		for (size_t k = 0; k < w->set->n; k++)
			if (strcasestr(h->v[i].name, w->set->v[k].sentinel))
				return refuse(w, &w->set->v[k],
					"can't go into the name of a header");
	return 0;
}

static int check_method(struct work *w)
{
	size_t at;
	const struct inject_secret *s =
		inject_secrets_find(w->set, w->q->method, strlen(w->q->method), &at);

	return s ? refuse(w, s, "can't go into a method") : 0;
}

static void drop_header(struct exchange_headers *h, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->v[i].name, name) != 0) {
			h->v[kept++] = h->v[i];
			continue;
		}
		free(h->v[i].name);
		free(h->v[i].value);
	}
	h->n = kept;
}

/* What has once gone to this host may come back in any later answer. */
static int make_mask(struct work *w)
{
	auto_wipe struct buf encoded = { 0 };

	for (size_t i = 0; i < w->set->n; i++) {
		const struct inject_secret *s = &w->set->v[i];

		if (!s->used || !inject_secret_granted(s, w->q->host))
			continue;
		encoded.len = 0;
		if (inject_mask_add(w->p->mask, s->value, strlen(s->value)) < 0 ||
			inject_percent_encode(s->value, &encoded) < 0 ||
			inject_mask_add(w->p->mask, encoded.data, encoded.len) < 0)
			return err_set(w->e, EACCES,
				"too many or too long secrets for the host '%s'",
				w->q->host);
	}
	return 0;
}

/* Only what comes as it is can be masked: no compression. */
static int ask_for_identity(struct work *w)
{
	struct exchange_headers *h = &w->q->headers;

	if (!inject_mask_active(w->p->mask))
		return 0;
	drop_header(h, "accept-encoding");
	drop_header(h, "sec-websocket-extensions");
	if (w->q->upgrade)
		return 0;
	return exchange_header_add(h, "accept-encoding", "identity") < 0 ? no_memory(w)
									 : 0;
}

static int place_all(struct work *w)
{
	int r = check_method(w);

	if (r == 0)
		r = check_names(w, &w->q->headers);
	if (r == 0)
		r = place_target(w);
	for (size_t i = 0; r == 0 && i < w->q->headers.n; i++)
		r = place_header(w, &w->q->headers.v[i]);
	if (r == 0)
		r = make_mask(w);
	return r == 0 ? ask_for_identity(w) : r;
}

int inject_place(struct inject_secrets *set, struct exchange_request *q,
	struct inject_placed *ret, struct err *e)
{
	struct work w = { set, q, ret, e };

	*ret = (struct inject_placed){ 0 };
	if (!set || !set->n)
		return 0;
	ret->set = inject_secrets_ref(set);
	ret->mask = inject_mask_new();
	return ret->mask ? place_all(&w) : no_memory(&w);
}

int inject_place_trailers(
	struct inject_placed *p, const struct exchange_headers *h, struct err *e)
{
	struct work w = { p->set, NULL, p, e };
	int r = p->set ? check_names(&w, h) : 0;

	for (size_t i = 0, at; r == 0 && p->set && i < h->n; i++) {
		const struct inject_secret *s = inject_secrets_find(
			p->set, h->v[i].value, strlen(h->v[i].value), &at);

		r = s ? refuse(&w, s, "can't go into trailers") : 0;
	}
	return r;
}

void inject_placed_clear(struct inject_placed *p)
{
	inject_secrets_unref(p->set);
	inject_mask_free(p->mask);
	*p = (struct inject_placed){ 0 };
}

void inject_wipe_request(struct exchange_request *q)
{
	for (size_t i = 0; i < q->headers.n; i++)
		OPENSSL_cleanse(q->headers.v[i].value, strlen(q->headers.v[i].value));
	if (q->target)
		OPENSSL_cleanse(q->target, strlen(q->target));
}
