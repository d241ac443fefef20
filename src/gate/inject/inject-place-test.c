/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-place.h"

#include "base/err.h"
#include "base/parcel.h"
#include "base/test.h"
#include "gate/inject/inject-code.h"
#include "gate/roles.h"

#define SENTINEL "sk-brig-0123456789"
#define OTHER    "sk-brig-0123456789-other"

static int feed(struct inject_secrets_feed *f, uint32_t type, const char *text)
{
	static struct parcel p;
	struct err e = { 0 };

	p = (struct parcel){ .type = type, .len = strlen(text) };
	memcpy(p.room, text, p.len);
	p.data = p.room;
	return inject_secrets_parcel(f, &p, &e);
}

static struct inject_secrets_feed secrets(void)
{
	struct inject_secrets_feed f = { 0 };

	expect(feed(&f, VAULT_SECRETS_BEGIN, "") == 0);
	expect(feed(&f, VAULT_SECRET,
		       "{\"name\":\"anthropic\",\"sentinel\":\"" SENTINEL
		       "\",\"hosts\":[\"api.example.com\",\"*.test\"],\"value\":"
		       "\"real/key+1\"}") == 0);
	expect(feed(&f, VAULT_SECRET,
		       "{\"name\":\"other\",\"sentinel\":\"" OTHER
		       "\",\"hosts\":[\"api.example.com\"],\"value\":\"with:colon\"}") ==
		0);
	expect(!f.now);
	expect(feed(&f, VAULT_SECRETS_END, "") == 1);
	expect(f.now && f.now->n == 2);
	return f;
}

struct row {
	const char *method, *host, *target, *name, *value;
	bool clear;
	const char *want_target, *want_value; /* NULL: refused */
	const char *why;
};

static const struct row rows[] = {
	{ .value = "Bearer " SENTINEL, .want_value = "Bearer real/key+1" },
	{ .value = SENTINEL, .want_value = "real/key+1" },
	{ .value = OTHER,
		.want_value = "with:colon" }, /* the longer of two that begin so */
	{ .value = "a=" SENTINEL "; b=" OTHER "; c=" SENTINEL,
		.want_value = "a=real/key+1; b=with:colon; c=real/key+1" },
	{ .value = "sk-brig-012345678", .want_value = "sk-brig-012345678" },
	{ .host = "x.test", .value = SENTINEL, .want_value = "real/key+1" },
	{ .host = "x.test", .value = OTHER, .why = "not for the host 'x.test'" },
	{ .host = "evil.com", .value = SENTINEL, .why = "not for the host 'evil.com'" },
	{ .host = "192.0.2.1", .value = SENTINEL, .why = "not for the host" },
	{ .host = "api.example.com.evil.com", .value = SENTINEL, .why = "not for" },
	{ .clear = true, .value = SENTINEL, .why = "without TLS" },
	/* user:SENTINEL, SENTINEL:, user:OTHER, OTHER:x */
	{ .value = "Basic dXNlcjpzay1icmlnLTAxMjM0NTY3ODk=",
		.want_value = "Basic dXNlcjpyZWFsL2tleSsx" },
	{ .value = "basic  c2stYnJpZy0wMTIzNDU2Nzg5Og",
		.want_value = "Basic cmVhbC9rZXkrMTo=" },
	{ .value = "Basic dXNlcjpzay1icmlnLTAxMjM0NTY3ODktb3RoZXI=",
		.want_value = "Basic dXNlcjp3aXRoOmNvbG9u" },
	{ .value = "Basic c2stYnJpZy0wMTIzNDU2Nzg5LW90aGVyOng=", .why = "holds a ':'" },
	{ .host = "evil.com",
		.value = "Basic dXNlcjpzay1icmlnLTAxMjM0NTY3ODk=",
		.why = "not for" },
	{ .value = "Basic !!!", .want_value = "Basic !!!" },
	{ .value = "Basic " SENTINEL, .want_value = "Basic real/key+1" },
	{ .target = "/v1?key=" SENTINEL "&a=b",
		.want_target = "/v1?key=real%2Fkey%2B1&a=b" },
	{ .target = "/v1?a=%20&key=%73k-brig-012345678%39#",
		.want_target = "/v1?a=%20&key=real%2Fkey%2B1#" },
	{ .target = "/?" SENTINEL "?" OTHER "%",
		.want_target = "/?real%2Fkey%2B1?with%3Acolon%" },
	{ .target = "/?a=%zz%2", .want_target = "/?a=%zz%2" },
	{ .target = "/v1?key=" SENTINEL, .host = "evil.com", .why = "not for" },
	{ .target = "/v1?key=" SENTINEL, .clear = true, .why = "without TLS" },
	{ .target = "/" SENTINEL, .why = "into a path" },
	{ .target = "/bot%73k-brig-0123456789/x?y", .why = "into a path" },
	{ .method = SENTINEL, .why = "into a method" },
	{ .name = "x-" SENTINEL, .why = "the name of a header" },
};

static char *dup_or(const char *s, const char *otherwise)
{
	return strdup(s ? s : otherwise);
}

static void try_row(const struct row *row)
{
	struct inject_secrets_feed f = secrets();
	struct exchange_request q = {
		.method = dup_or(row->method, "GET"),
		.host = dup_or(row->host, "api.example.com"),
		.target = dup_or(row->target, "/"),
		.port = 443,
		.tls = !row->clear,
	};
	struct inject_placed p;
	struct err e = { 0 };
	int r;

	expect(exchange_header_add(&q.headers, row->name ? row->name : "authorization",
		       row->value ? row->value : "none") == 0);
	r = inject_place(f.now, &q, &p, &e);
	if (row->why) {
		expect(r == -EACCES && strstr(e.msg, row->why));
		expect(p.refused && !strstr(e.msg, "real/key"));
	} else {
		expect(r == 0 && !p.refused);
		expect_str(q.target, row->want_target ? row->want_target : "/");
		expect_str(
			q.headers.v[0].value, row->want_value ? row->want_value : "none");
	}
	inject_placed_clear(&p);
	inject_wipe_request(&q);
	exchange_request_clear(&q);
	inject_secrets_feed_clear(&f);
}

TEST(each_sentinel_is_replaced_or_refused)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fprintf(stderr, "row %zu\n", i);
		try_row(&rows[i]);
	}
}

TEST(answers_are_masked_once_a_secret_went_to_the_host)
{
	struct inject_secrets_feed f = secrets();
	struct exchange_request q = { .method = strdup("GET"),
		.host = strdup("api.example.com"),
		.target = strdup("/"),
		.tls = true };
	struct inject_placed p;
	char text[] = "real/key+1 real%2Fkey%2B1 with:colon";
	struct err e = { 0 };

	expect(exchange_header_add(&q.headers, "accept-encoding", "gzip") == 0);
	expect(inject_place(f.now, &q, &p, &e) == 0);
	expect(!p.any && !inject_mask_active(p.mask));
	expect_str(exchange_header_get(&q.headers, "accept-encoding"), "gzip");
	inject_placed_clear(&p);
	expect(exchange_header_add(&q.headers, "x-api-key", SENTINEL) == 0);
	expect(inject_place(f.now, &q, &p, &e) == 0);
	expect(p.any && p.put[0] && !p.put[1] && inject_mask_active(p.mask));
	expect_str(exchange_header_get(&q.headers, "accept-encoding"), "identity");
	inject_mask_text(p.mask, text);
	expect_str(text, "********** ************** with:colon");
	inject_placed_clear(&p);
	/* no sentinel any more, but the host knows the value; over a rotation, too */
	expect(feed(&f, VAULT_SECRETS_BEGIN, "") == 0);
	expect(feed(&f, VAULT_SECRET,
		       "{\"name\":\"anthropic\",\"sentinel\":\"" SENTINEL
		       "\",\"hosts\":[\"api.example.com\"],\"value\":\"rotated-1\"}") ==
		0);
	expect(feed(&f, VAULT_SECRETS_END, "") == 1);
	free(q.headers.v[1].value);
	q.headers.v[1].value = strdup("x");
	expect(inject_place(f.now, &q, &p, &e) == 0);
	expect(!p.any && inject_mask_active(p.mask));
	inject_placed_clear(&p);
	exchange_request_clear(&q);
	inject_secrets_feed_clear(&f);
}

TEST(trailers_carry_no_secrets)
{
	struct inject_secrets_feed f = secrets();
	struct inject_placed p = { .set = inject_secrets_ref(f.now) };
	struct exchange_headers h = { 0 };
	struct err e = { 0 };

	expect(exchange_header_add(&h, "x-sum", "1") == 0);
	expect(inject_place_trailers(&p, &h, &e) == 0);
	expect(exchange_header_add(&h, "x-key", SENTINEL) == 0);
	expect(inject_place_trailers(&p, &h, &e) == -EACCES);
	exchange_headers_clear(&h);
	inject_placed_clear(&p);
	inject_secrets_feed_clear(&f);
}

TEST(secrets_that_could_break_a_header_are_not_taken)
{
	static const char *const bad[] = {
		"{\"name\":\"a\",\"sentinel\":\"0123456789\",\"value\":\"a\\r\\nb\"}",
		"{\"name\":\"a\",\"sentinel\":\"0123456789\",\"value\":\"a\\u0000b\\n\"}",
		"{\"name\":\"a\",\"sentinel\":\"0123456789\",\"value\":\"\"}",
		"{\"name\":\"a\",\"sentinel\":\"short\",\"value\":\"abc\"}",
		"{\"name\":\"\",\"sentinel\":\"0123456789\",\"value\":\"abc\"}",
		"{\"name\":\"a\",\"sentinel\":\"0123456789\",\"value\":\"abc\","
		"\"hosts\":[\"a b\"]}",
		"{",
	};
	struct inject_secrets_feed f = { 0 };

	expect(feed(&f, VAULT_SECRET, bad[0]) == -EPROTO);
	expect(feed(&f, VAULT_SECRETS_END, "") == -EPROTO);
	expect(feed(&f, VAULT_SECRETS_BEGIN, "") == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(feed(&f, VAULT_SECRET, bad[i]) < 0);
	expect(feed(&f, 7, "") == -EPROTO);
	inject_secrets_feed_clear(&f);
}

TEST(base64_is_decoded_with_and_without_padding)
{
	static const char *const text[] = { "", "f", "fo", "foo", "foob", "fooba",
		"foobar" };

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		auto_buf struct buf b = { 0 }, back = { 0 };
		size_t len = strlen(text[i]);

		expect(inject_base64_encode(text[i], len, &b) == 0);
		expect(inject_base64_decode(b.data, b.len, &back) == 0);
		expect(back.len == len && memcmp(back.data, text[i], len) == 0);
		back.len = 0;
		while (b.len && b.data[b.len - 1] == '=')
			b.len--;
		expect(inject_base64_decode(b.data, b.len, &back) == 0);
		expect(back.len == len && memcmp(back.data, text[i], len) == 0);
	}
}
