/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-place.h"

#include "base/err.h"
#include "gate/exchange-check.h"

#define SENTINEL "sentinel-0"
#define VALUE    "the:real/value"

static struct inject_secrets *make_set(void)
{
	struct inject_secrets *s = calloc(1, sizeof(*s));

	s->refs = 1;
	s->n = 1;
	s->v = calloc(1, sizeof(*s->v));
	s->v[0].name = strdup("name");
	s->v[0].sentinel = strdup(SENTINEL);
	s->v[0].value = strdup(VALUE);
	(void)strv_add(&s->v[0].hosts, "granted.test");
	return s;
}

/* No value without a grant; a head that was canonical still is. */
static void check(const struct exchange_request *q, int r, bool granted)
{
	if (r < 0)
		return;
	if (exchange_check_request(q))
		abort();
	for (size_t i = 0; i < q->headers.n; i++) {
		if (strstr(q->headers.v[i].value, SENTINEL))
			abort();
		if (!granted && strstr(q->headers.v[i].value, VALUE))
			abort();
	}
	if (strstr(q->target, SENTINEL))
		abort();
}

static void mask(struct inject_placed *p, const uint8_t *data, size_t len)
{
	auto_buf struct buf out = { 0 };

	if (!inject_mask_active(p->mask))
		return;
	for (size_t at = 0; at < len;) {
		size_t n = 1 + data[at] % 16;

		n = n > len - at ? len - at : n;
		(void)inject_mask_feed(p->mask, data + at, n, &out);
		at += n;
	}
	(void)inject_mask_end(p->mask, &out);
	if (out.len != len || (len && memmem(out.data, out.len, VALUE, strlen(VALUE))))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct exchange_request q = { 0 };
	struct inject_secrets *set;
	struct inject_placed p;
	struct err e = { 0 };
	bool granted;
	int r;

	if (exchange_request_decode(data, len, &q, &e) < 0)
		return 0;
	set = make_set();
	/* what stands there before mustn't be mistaken for what was put there */
	for (size_t i = 0; i < q.headers.n; i++)
		if (strstr(q.headers.v[i].value, VALUE))
			q.headers.v[i].value[0] = '\0';
	granted = q.tls && inject_secret_granted(&set->v[0], q.host);
	r = inject_place(set, &q, &p, &e);
	check(&q, r, granted);
	mask(&p, data, len);
	inject_placed_clear(&p);
	inject_secrets_unref(set);
	inject_wipe_request(&q);
	exchange_request_clear(&q);
	return 0;
}
