/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/http1-body.h"

#include "base/err.h"
#include "base/test.h"
#include "gate/front/http1-write.h"

/* Feed 'step' bytes at a time. Returns the last result; '*used' counts what was taken. */
static int feed(
	struct http1_body *b, const char *text, size_t len, size_t step, struct buf *out)
{
	size_t at = 0;
	int r = HTTP1_BODY_MORE;

	while (at < len) {
		struct http1_piece p;
		size_t n = len - at < step ? len - at : step;

		r = http1_body_next(b, text + at, n, &p, NULL);
		if (r < 0 || r == HTTP1_BODY_END)
			return r;
		expect(p.used > 0 && p.used <= n);
		expect(buf_add(out, p.data, p.len) == 0);
		at += p.used;
	}
	return r;
}

TEST(chunks_come_apart_however_they_are_cut)
{
	static const char text[] =
		"3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\n"
		"X-Sum: 1\r\nHost: evil\r\nContent-Length: 3\r\n\r\nGET";

	for (size_t step = 1; step < sizeof(text); step++) {
		struct http1_body b = { 0 };
		auto_buf struct buf out = { 0 };

		expect(feed(&b, text, sizeof(text) - 1, step, &out) == HTTP1_BODY_END);
		expect_str(out.data, "abc0123456789");
		expect(b.trailers.n == 1);
		expect_str(exchange_header_get(&b.trailers, "x-sum"), "1");
		http1_body_clear(&b);
	}
}

TEST(chunks_that_cheat_are_refused)
{
	static const char *const bad[] = { "\r\n", "g\r\n", " 3\r\nabc\r\n",
		"3 \r\nabc\r\n", "0x3\r\nabc\r\n", "3\nabc\r\n", "3\r\nabcd\r\n",
		"3\r\nabc\n", "+3\r\nabc\r\n", "3\rabc\r\n", "1234567890abcdef\r\n",
		"3;\x01\r\n", "0\r\nX : y\r\n\r\n", "0\r\n x\r\n\r\n",
		"0\r\nX: a\nb\r\n\r\n", "0\r\nX: a\rb\r\n\r\n", "0\r\nnocolon\r\n\r\n",
		"-1\r\n", "3;\nabc", "0\r\n\n" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (size_t step = 1; step < 40; step += 38) {
			struct http1_body b = { 0 };
			auto_buf struct buf out = { 0 };
			int r = feed(&b, bad[i], strlen(bad[i]), step, &out);

			if (r >= 0)
				fprintf(stderr, "took %zu\n", i);
			expect(r == -EBADMSG);
			http1_body_clear(&b);
		}
	}
}

TEST(lines_and_trailers_are_bounded)
{
	struct http1_body b = { 0 };
	auto_buf struct buf in = { 0 }, out = { 0 };

	expect(buf_add_str(&in, "1;") == 0);
	while (in.len < 5000)
		expect(buf_add_str(&in, "x") == 0);
	expect(feed(&b, in.data, in.len, 100, &out) == -EMSGSIZE);
	http1_body_clear(&b);
	in.len = 0;
	expect(buf_add_str(&in, "0\r\n") == 0);
	while (in.len < 20000)
		expect(buf_add_str(&in,
			       "a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n") == 0);
	expect(feed(&b, in.data, in.len, 100, &out) == -EMSGSIZE);
	http1_body_clear(&b);
}

TEST(responses_say_how_they_end)
{
	struct exchange_response p = { .status = 200, .length = 5 };
	struct http1_reply r = { .head = &p, .minor = 1, .keep = true };
	auto_buf struct buf out = { 0 };

	expect(http1_write_head(&r, &out) == 0);
	expect_str(out.data, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
	p.length = EXCHANGE_LENGTH_UNKNOWN;
	out.len = 0;
	expect(http1_write_head(&r, &out) == 0);
	expect_str(out.data, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
	r.minor = 0;
	r.keep = false;
	out.len = 0;
	expect(http1_framing_of(&r) == HTTP1_UNTIL_CLOSE);
	expect(http1_write_head(&r, &out) == 0);
	expect_str(out.data, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
	p.status = 204;
	expect(http1_framing_of(&r) == HTTP1_NO_BODY);
	out.len = 0;
	expect(http1_write_last(NULL, &out) == 0);
	expect_str(out.data, "0\r\n\r\n");
}
