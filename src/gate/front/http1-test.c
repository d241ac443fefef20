/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/http1.h"

#include "base/err.h"
#include "base/test.h"
#include "gate/front/request-authority.h"

struct attack {
	const char *head;
	size_t len; /* 0: strlen */
	int r;
};
#define H "Host: a.example\r\n"
#define E "\r\n"

static int parse(const char *text, size_t len, struct http1_head *h, char **ret)
{
	char *copy = malloc(len);
	size_t seen = 0;
	ssize_t n;
	int r;

	expect(copy != NULL);
	memcpy(copy, text, len);
	n = http1_head_end(copy, len, &seen);
	if (n <= 0) {
		free(copy);
		return n < 0 ? (int)n : -EAGAIN;
	}
	r = http1_head_parse(copy, (size_t)n, h, NULL);
	if (r == 0 && ret)
		*ret = copy;
	else
		free(copy);
	return r;
}

static const struct attack attacks[] = {
	{ "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" E,
		0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n" E, 0,
		-EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: +1\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: 1 1\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Content-Length:\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: 9999999999999999999\r\n" E, 0,
		-EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;a=b\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	  "chunked\r\n" E,
		0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
	  "Transfer-Encoding: chunked\r\n" E,
		0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding\t: chunked\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n Host: a.example\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X: a\rb\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\n" H "\n", 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X: a\nY: b\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X: a\r\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X: a\0b\r\n" E,
		sizeof("GET / HTTP/1.1\r\n" H "X: a\0b\r\n" E) - 1, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X: a\x01\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X: a\x7f\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "X\x80: a\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H ": a\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "no colon\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H H E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "host: b.example\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/1.0\r\n" E, 0, -EBADMSG },
	{ "GET  / HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET /  HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET / HTTP/1.1 \r\n" H E, 0, -EBADMSG },
	{ " GET / HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET\t/\tHTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET / x HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET /\r\n" E, 0, -EBADMSG },
	{ "GET / HTTP/0.9\r\n" H E, 0, -EPROTONOSUPPORT },
	{ "GET / HTTP/1.2\r\n" H E, 0, -EPROTONOSUPPORT },
	{ "GET / HTTP/2.0\r\n" H E, 0, -EPROTONOSUPPORT },
	{ "GET / HTTP/11.1\r\n" H E, 0, -EBADMSG },
	{ "GET / HTTP/1.\r\n" H E, 0, -EBADMSG },
	{ "GET / http/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET / HTTP/1.1x\r\n" H E, 0, -EBADMSG },
	{ "G(T / HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET /a#b HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET /\x80 HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET a HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET http:///x HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET http://?x HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET * HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET ftp://a.example/ HTTP/1.1\r\n" H E, 0, -EBADMSG },
	{ "GET / HTTP/1.1\r\n" H "Expect: 200-maybe\r\n" E, 0, -EBADMSG },
};

TEST(heads_that_could_be_read_in_two_ways_are_refused)
{
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		const struct attack *a = &attacks[i];
		struct http1_head h;
		int r = parse(a->head, a->len ? a->len : strlen(a->head), &h, NULL);

		if (r != a->r)
			fprintf(stderr, "%zu: %d: %s\n", i, r, a->head);
		expect(r == a->r);
	}
}

TEST(a_plain_head_is_taken_apart)
{
	static const char text[] =
		"POST /v1/x?y=%2f HTTP/1.1\r\nHOST:  a.example:80 \r\n"
		"Content-Length: 12\r\nX-Thing:\tone two\r\nTE: trailers, deflate\r\n"
		"Connection: keep-alive, X-Hop, TE\r\nX-Hop: 1\r\n"
		"Proxy-Authorization: Basic eA==\r\nKeep-Alive: 5\r\nEmpty:\r\n"
		"Expect: 100-Continue\r\n\r\nrest";
	struct http1_head h;
	char *data;

	expect(parse(text, sizeof(text) - 1, &h, &data) == 0);
	expect_str(h.method, "POST");
	expect_str(h.target, "/v1/x?y=%2f");
	expect_str(h.host, "a.example:80");
	expect(h.form == HTTP1_ORIGIN && h.minor == 1 && h.keep && h.trailers);
	expect(h.expect && !h.chunked && h.has_length && h.length == 12);
	expect(h.headers.n == 2);
	expect_str(exchange_header_get(&h.headers, "x-thing"), "one two");
	expect_str(exchange_header_get(&h.headers, "empty"), "");
	http1_head_clear(&h);
	free(data);
}

TEST(absolute_targets_are_split)
{
	static const struct {
		const char *target, *authority, *rest;
	} cases[] = {
		{ "http://a.example/x", "a.example", "/x" },
		{ "http://a.example", "a.example", "/" },
		{ "HTTP://a.example:81?q", "a.example:81", "/?q" },
		{ "https://[::1]:1/?", "[::1]:1", "/?" },
		{ "http://u@a.example/", "u@a.example", "/" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		struct http1_head h;
		char *data;
		int n = snprintf(
			text, sizeof(text), "GET %s HTTP/1.1\r\n" H E, cases[i].target);

		expect(parse(text, (size_t)n, &h, &data) == 0);
		expect(h.form == HTTP1_ABSOLUTE);
		expect_str(h.authority, cases[i].authority);
		expect_str(h.target, cases[i].rest);
		http1_head_clear(&h);
		free(data);
	}
}

TEST(only_websocket_is_an_upgrade)
{
	static const char *const not [] = {
		"Upgrade: h2c\r\nConnection: upgrade\r\n",
		"Upgrade: websocket\r\n",
		"Upgrade: websocket, h2c\r\nConnection: upgrade\r\n",
		"Upgrade: websocket\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
		"Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 1\r\n",
	};
	static const char yes[] = "GET / HTTP/1.1\r\n" H
				  "Upgrade: WebSocket\r\nConnection: a, Upgrade\r\n" E;
	struct http1_head h;
	char *data, text[256];

	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
		int n = snprintf(
			text, sizeof(text), "GET / HTTP/1.1\r\n" H "%s" E, not [i]);

		expect(parse(text, (size_t)n, &h, &data) == 0);
		expect(!h.websocket);
		http1_head_clear(&h);
		free(data);
	}
	expect(parse(yes, sizeof(yes) - 1, &h, &data) == 0);
	expect(h.websocket);
	http1_head_clear(&h);
	free(data);
}

TEST(heads_are_bounded)
{
	auto_buf struct buf b = { 0 };
	struct http1_head h;
	size_t seen = 0;

	expect(buf_add_str(&b, "GET / HTTP/1.1\r\n" H) == 0);
	for (int i = 0; i < 257; i++)
		expect(buf_addf(&b, "a%d: b\r\n", i) == 0);
	expect(buf_add_str(&b, E) == 0);
	expect(parse(b.data, b.len, &h, NULL) == -EMSGSIZE);
	b.len = 0;
	while (b.len <= HTTP1_HEAD_MAX)
		expect(buf_add_str(&b, "aaaaaaaa") == 0);
	expect(http1_head_end(b.data, b.len, &seen) == -EMSGSIZE);
	b.len = 0;
	expect(buf_add_str(&b, "GET / HTTP/1.1\r\n" H "Connection: ") == 0);
	for (int i = 0; i < 100; i++)
		expect(buf_addf(&b, "a%d,", i) == 0);
	expect(buf_add_str(&b, "\r\n" E) == 0);
	expect(parse(b.data, b.len, &h, NULL) == -EBADMSG);
}

TEST(the_end_of_a_head_is_found_bytewise)
{
	static const char text[] = "GET / HTTP/1.1\r\n" H E "x";
	size_t seen = 0;

	for (size_t i = 0; i < sizeof(text) - 2; i++)
		expect(http1_head_end(text, i, &seen) == 0);
	expect(http1_head_end(text, sizeof(text) - 1, &seen) == sizeof(text) - 2);
}

TEST(authorities_are_strict)
{
	static const char *const bad[] = { "", ":80", "a:", "a:0", "a:080", "a:65536",
		"a:8o", "a b", "u@a", "a%2eb", "a/b", "a?b", "a#b", "a\\b", "[::1", "::1",
		"[::1]x", "[::1]:", "1.2.3", "0x7f.1", "127.1", "[127.0.0.1]", "a..b",
		"[::ffff:1.2.3.4]", "a,b", "017700000001", "[fe80::1%25eth0]",
		"a:80:80" };
	struct authority a, b;
	char out[AUTHORITY_TEXT_MAX];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (authority_parse(bad[i], &a) == 0)
			fprintf(stderr, "took '%s'\n", bad[i]);
		expect(authority_parse(bad[i], &a) < 0);
	}
	expect(authority_parse("A.Example.:8080", &a) == 0 && a.named && a.port == 8080);
	expect_str(a.name, "a.example");
	expect(authority_parse("[2001:DB8::1]", &b) == 0 && !b.named && !b.port);
	expect_str(b.name, "2001:db8::1");
	expect_str(authority_text(b.name, 443, 80, out), "[2001:db8::1]:443");
	expect(authority_parse("192.0.2.1:80", &a) == 0 && !a.named);
	expect(authority_parse("192.0.2.1", &b) == 0 && authority_same(&a, &b, 80));
	expect(!authority_same(&a, &b, 81));
}
