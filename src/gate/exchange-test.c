/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/exchange.h"

#include "base/err.h"
#include "base/str.h"
#include "base/test.h"
#include "gate/exchange-check.h"

static struct exchange_request sample(void)
{
	struct exchange_request q = {
		.method = strdup("POST"),
		.host = strdup("api.example.com"),
		.port = 443,
		.tls = true,
		.target = strdup("/v1/messages?beta=true"),
		.length = 1234567890123,
		.trailers = true,
		.addrs_n = 2,
	};

	expect(address_parse("192.0.2.1", &q.addrs[0]) == 0);
	expect(address_parse("2001:db8::1", &q.addrs[1]) == 0);
	expect(exchange_header_add(&q.headers, "accept", "*/*") == 0);
	expect(exchange_header_add(&q.headers, "x-api-key", "sk-1") == 0);
	expect(exchange_header_add(&q.headers, "x-empty", "") == 0);
	q.headers.v[1].never_indexed = true;
	return q;
}

TEST(headers_can_be_added_to_those_that_were_decoded)
{
	struct exchange_headers from = { 0 }, to = { 0 };
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };

	for (int i = 0; i < 3; i++)
		expect(exchange_header_add(&from, "a", "b") == 0);
	expect(exchange_headers_encode(&from, &text) == 0);
	expect(exchange_headers_decode(text.data, text.len, &to, &e) == 0 && to.n == 3);
	for (int i = 0; i < 20; i++)
		expect(exchange_header_add(&to, "c", "d") == 0);
	expect_str(exchange_header_get(&to, "c"), "d");
	exchange_headers_clear(&from);
	exchange_headers_clear(&to);
}

TEST(a_request_comes_out_as_it_went_in)
{
	struct exchange_request q = sample(), back = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	expect(exchange_request_encode(&q, &b) == 0);
	expect(exchange_request_decode(b.data, b.len, &back, &e) == 0);
	expect_str(back.method, "POST");
	expect_str(back.host, "api.example.com");
	expect_str(back.target, "/v1/messages?beta=true");
	expect(back.port == 443 && back.tls && back.trailers && !back.upgrade);
	expect(back.length == 1234567890123);
	expect(back.addrs_n == 2 && address_equal(&back.addrs[1], &q.addrs[1]));
	expect(back.headers.n == 3 && back.headers.v[1].never_indexed);
	expect(!back.headers.v[0].never_indexed);
	expect_str(exchange_header_get(&back.headers, "x-api-key"), "sk-1");
	expect_str(exchange_header_get(&back.headers, "x-empty"), "");
	expect(!exchange_header_get(&back.headers, "cookie"));
	exchange_request_clear(&q);
	exchange_request_clear(&back);
}

TEST(a_head_cut_short_or_with_bytes_left_over_is_refused)
{
	struct exchange_request q = sample(), back = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	expect(exchange_request_encode(&q, &b) == 0);
	for (size_t n = 0; n < b.len; n++) {
		auto_free void *cut = malloc(n ? n : 1);

		memcpy(cut, b.data, n);
		expect(exchange_request_decode(cut, n, &back, &e) == -EPROTO);
	}
	expect(buf_add(&b, "", 1) == 0);
	expect(exchange_request_decode(b.data, b.len, &back, &e) == -EPROTO);
	exchange_request_clear(&q);
}

/* Encode with one field changed: the checks must see it on both sides. */
static void refused(struct exchange_request q, const char *why)
{
	auto_buf struct buf b = { 0 };
	const char *wrong = exchange_check_request(&q);

	if (!wrong || !strstr(wrong, why)) {
		fprintf(stderr, "got '%s', want '%s'\n", wrong ? wrong : "(fine)", why);
		exit(1);
	}
	expect(exchange_request_encode(&q, &b) == -EINVAL);
	expect(b.len == 0);
}

TEST(what_is_not_canonical_is_refused)
{
	struct exchange_request good = sample(), q;

#define WITH(field_, value_, why_)   \
	do {                         \
		q = good;            \
		q.field_ = (value_); \
		refused(q, why_);    \
	} while (0)
	WITH(method, (char[]){ "" }, "method");
	WITH(method, (char[]){ "GE T" }, "method");
	WITH(method, (char[]){ "GET\r\nx: y" }, "method");
	WITH(method, (char[]){ "CONNECT" }, "tunnel");
	WITH(host, (char[]){ "API.example.com" }, "host");
	WITH(host, (char[]){ "api.example.com." }, "host");
	WITH(host, (char[]){ "a@b" }, "host");
	WITH(host, (char[]){ "a/b" }, "host");
	WITH(host, (char[]){ "" }, "host");
	WITH(host, (char[]){ "0x7f.1" }, "host");
	WITH(host, (char[]){ "[::1]" }, "host");
	WITH(host, NULL, "host");
	WITH(port, 0, "port");
	WITH(target, (char[]){ "http://x/" }, "target");
	WITH(target, (char[]){ "*" }, "target");
	WITH(target, (char[]){ "" }, "target");
	WITH(target, (char[]){ "/a b" }, "target");
	WITH(target, (char[]){ "/a\r\n" }, "target");
	WITH(target, (char[]){ "/a#b" }, "target");
	WITH(length, -2, "length");
	WITH(upgrade, (char[]){ "websocket" }, "upgrade");
	WITH(addrs_n, 17, "addresses");
#undef WITH
	exchange_request_clear(&good);
}

static const char *check_one(const char *name, const char *value)
{
	struct exchange_header v = { (char *)(uintptr_t)name, (char *)(uintptr_t)value,
		false };

	return exchange_check_headers(&(struct exchange_headers){ &v, 1 });
}

TEST(headers_that_could_be_read_in_two_ways_are_refused)
{
	static const char *const hops[] = { "connection", "content-length", "host",
		"http2-settings", "keep-alive", "proxy-authorization", "proxy-connection",
		"te", "transfer-encoding", "upgrade" };

	expect(!check_one("accept", "a\tb \xc3\xa9"));
	expect(!check_one("te", "trailers"));
	expect(check_one("Accept", "a"));
	expect(check_one("", "a"));
	expect(check_one("a b", "a"));
	expect(check_one(":path", "a"));
	expect(check_one("a:", "a"));
	expect(check_one("x", " a"));
	expect(check_one("x", "a\t"));
	expect(check_one("x", "a\r\n b"));
	expect(check_one("x", "a\x01"));
	expect(check_one("x", "a\x7f"));
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++)
		expect(check_one(hops[i], "x"));
}

TEST(a_string_with_a_nul_inside_is_refused)
{
	struct exchange_request q = sample(), back = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	char *at;

	expect(exchange_request_encode(&q, &b) == 0);
	at = memmem(b.data, b.len, "sk-1", 4);
	expect(at);
	at[1] = '\0';
	expect(exchange_request_decode(b.data, b.len, &back, &e) == -EPROTO);
	at[1] = '\n';
	expect(exchange_request_decode(b.data, b.len, &back, &e) == -EPROTO);
	at[1] = 'x';
	expect(exchange_request_decode(b.data, b.len, &back, &e) == 0);
	exchange_request_clear(&q);
	exchange_request_clear(&back);
}

TEST(too_many_or_too_long_headers_do_not_fit)
{
	struct exchange_headers h = { 0 };
	auto_buf struct buf b = { 0 };
	auto_free char *big = calloc(1, 66000);

	for (unsigned i = 0; i < EXCHANGE_HEADERS_MAX; i++)
		expect(exchange_header_add(&h, "x", "y") == 0);
	expect(exchange_header_add(&h, "x", "y") == -E2BIG);
	expect(exchange_headers_encode(&h, &b) == 0);
	exchange_headers_clear(&h);
	memset(big, 'a', 65999);
	buf_clear(&b);
	expect(exchange_header_add(&h, "x", big) == 0);
	expect(exchange_headers_encode(&h, &b) == -EMSGSIZE);
	exchange_headers_clear(&h);
	big[64990] = '\0';
	expect(exchange_header_add(&h, "x", big) == 0);
	expect(exchange_headers_encode(&h, &b) == 0);
	exchange_headers_clear(&h);
}

TEST(a_response_comes_out_as_it_went_in)
{
	struct exchange_response p = { .status = 101, .length = EXCHANGE_LENGTH_UNKNOWN },
				 back = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	expect(exchange_response_encode(&p, &b) == -EINVAL); /* 101 to what? */
	p.upgrade = strdup("websocket");
	expect(exchange_header_add(&p.headers, "date", "now") == 0);
	expect(exchange_response_encode(&p, &b) == 0);
	expect(exchange_response_decode(b.data, b.len, &back, &e) == 0);
	expect(back.status == 101 && back.length == EXCHANGE_LENGTH_UNKNOWN);
	expect_str(back.upgrade, "websocket");
	expect_str(exchange_header_get(&back.headers, "date"), "now");
	p.status = 99;
	expect(exchange_response_encode(&p, &b) == -EINVAL);
	exchange_response_clear(&p);
	exchange_response_clear(&back);
}

TEST(empty_trailers_are_no_bytes)
{
	struct exchange_headers h = { 0 }, back = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	expect(exchange_headers_encode(&h, &b) == 0 && b.len == 0);
	expect(exchange_headers_decode(NULL, 0, &back, &e) == 0 && back.n == 0);
	expect(exchange_header_add(&h, "grpc-status", "0") == 0);
	expect(exchange_headers_encode(&h, &b) == 0);
	expect(exchange_headers_decode(b.data, b.len, &back, &e) == 0);
	expect_str(exchange_header_get(&back, "grpc-status"), "0");
	exchange_headers_clear(&h);
	exchange_headers_clear(&back);
}

TEST(a_failure_says_why_in_one_line)
{
	struct exchange_failure f = { 403, strdup("no rule for it"), true }, back = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	expect(exchange_failure_encode(&f, &b) == 0);
	expect(exchange_failure_decode(b.data, b.len, &back, &e) == 0);
	expect(back.status == 403 && back.refused);
	expect_str(back.reason, "no rule for it");
	f.status = 200;
	expect(exchange_failure_encode(&f, &b) == -EINVAL);
	f.status = 502;
	f.reason[2] = '\n';
	expect(exchange_failure_encode(&f, &b) == -EINVAL);
	exchange_failure_clear(&f);
	exchange_failure_clear(&back);
}
