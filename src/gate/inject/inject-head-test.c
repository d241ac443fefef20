/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-head.h"

#include "base/err.h"
#include "base/test.h"

/* Feed lines until the head is whole; returns the first failure. */
static int feed(struct inject_head *h, const char *text)
{
	struct err e = { 0 };
	int r = 0;

	while (r == 0 && *text) {
		size_t n = strcspn(text, "\n") + 1;

		r = inject_head_line(h, text, n, &e);
		text += n;
	}
	return r;
}

TEST(a_head_is_made_canonical)
{
	struct inject_head h = { 0 };
	const struct exchange_headers *v = &h.response.headers;

	expect(feed(&h,
		       "HTTP/1.1 200 Fine\r\nContent-Type:  text/html "
		       "\r\nContent-Length: 5\r\n"
		       "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
		       "Proxy-Authenticate: Basic\r\nno header\r\nbad name: 1\r\nX: "
		       "a\x01\r\n"
		       "Empty:\r\n\r\n") == 0);
	expect(h.state == INJECT_HEAD_WHOLE && h.response.status == 200);
	expect(h.response.length == 5 && v->n == 2);
	expect_str(exchange_header_get(v, "content-type"), "text/html");
	expect_str(exchange_header_get(v, "empty"), "");
	inject_head_clear(&h);
}

TEST(interim_heads_and_trailers_have_their_place)
{
	struct inject_head h = { 0 };

	expect(feed(&h, "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n") == 0);
	expect(h.state == INJECT_HEAD_WHOLE && h.response.status == 103);
	inject_head_next(&h);
	expect(h.state == INJECT_HEAD_STATUS);
	expect(feed(&h, "HTTP/2 200 \r\n\r\n") == 0);
	expect(h.response.length == EXCHANGE_LENGTH_UNKNOWN);
	inject_head_next(&h);
	expect(h.state == INJECT_HEAD_TRAILERS);
	expect(feed(&h, "X-Sum: 1\r\nContent-Length: 7\r\n\r\n") == 0);
	expect(h.response.headers.n == 1);
	inject_head_clear(&h);
}

TEST(chunks_outweigh_a_length)
{
	struct inject_head h = { 0 };

	expect(feed(&h,
		       "HTTP/1.1 200\r\nContent-Length: 5\r\nTransfer-Encoding: "
		       "chunked\r\n\r\n") == 0);
	expect(h.chunked && h.response.length == EXCHANGE_LENGTH_UNKNOWN);
	inject_head_clear(&h);
}

TEST(what_can_be_read_in_two_ways_is_refused)
{
	static const char *const bad[] = {
		"ICY 200 OK\r\n",
		"HTTP/1.1\r\n",
		"HTTP/1.1 99 no\r\n",
		"HTTP/1.1 2000 no\r\n",
		"HTTP/1.1 20x no\r\n",
		"HTTP/1.1 -20 no\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
		"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct inject_head h = { 0 };

		fprintf(stderr, "row %zu\n", i);
		expect(feed(&h, bad[i]) == -EPROTO);
		inject_head_clear(&h);
	}
}

TEST(a_head_has_an_end)
{
	struct inject_head h = { 0 };
	struct err e = { 0 };
	int r = feed(&h, "HTTP/1.1 200 OK\r\n");

	for (int i = 0; r == 0 && i < 1000; i++)
		r = inject_head_line(&h, "x: y\r\n", 6, &e);
	expect(r == -EPROTO && h.response.headers.n == EXCHANGE_HEADERS_MAX);
	inject_head_clear(&h);
}
