/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/hello.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

#include <fcntl.h>

#define EXT(text) text, sizeof(text) - 1

#define NAME_A     "\0\0\0\x12\0\x10\0\0\rapi.a.example"
#define ALPN_BOTH  "\0\x10\0\x0e\0\x0c\2h2\x08http/1.1"
#define ECH        "\xfe\x0d\0\1\0"
#define GREASE     "\x0a\x0a\0\0"
#define GREASE_END "\x1a\x1a\0\1\0"

/* Everything up to the extensions: version, random, session, one cipher, compression. */
static struct buf body_start(void)
{
	struct buf b = { 0 };

	expect(buf_add(&b, "\3\3", 2) == 0);
	for (int i = 0; i < 32; i++)
		expect(buf_add(&b, "R", 1) == 0);
	expect(buf_add(&b, "\4sess\0\2\x13\1\1\0", 11) == 0);
	return b;
}

static struct buf message(const struct buf *body)
{
	uint8_t head[4] = { 1, 0, (uint8_t)(body->len >> 8), (uint8_t)body->len };
	struct buf b = { 0 };

	expect(buf_add(&b, head, 4) == 0 && buf_add(&b, body->data, body->len) == 0);
	return b;
}

/* In records of at most 'piece' bytes. */
static struct buf records(const struct buf *msg, size_t piece)
{
	struct buf b = { 0 };

	for (size_t at = 0; at < msg->len; at += piece) {
		size_t n = msg->len - at < piece ? msg->len - at : piece;
		uint8_t head[5] = { 22, 3, 1, (uint8_t)(n >> 8), (uint8_t)n };

		expect(buf_add(&b, head, 5) == 0 && buf_add(&b, msg->data + at, n) == 0);
	}
	return b;
}

static struct buf hello_with(const char *ext, size_t len, size_t piece)
{
	auto_buf struct buf body = body_start();
	uint8_t n[2] = { (uint8_t)(len >> 8), (uint8_t)len };

	expect(buf_add(&body, n, 2) == 0 && buf_add(&body, ext, len) == 0);
	auto_buf struct buf msg = message(&body);

	return records(&msg, piece);
}

static enum hello_result parse(const struct buf *b, struct hello *h)
{
	/* a copy of just this size, for the sanitizers */
	auto_free char *exact = malloc(b->len ? b->len : 1);

	expect(exact);
	memcpy(exact, b->data, b->len);
	return hello_parse(exact, b->len, h);
}

static enum hello_result with(const char *ext, size_t len, struct hello *h)
{
	auto_buf struct buf b = hello_with(ext, len, 16384);

	return parse(&b, h);
}

TEST(name_and_protocols_are_found)
{
	struct hello h;

	expect(with(EXT(GREASE NAME_A "\0\x2b\0\3\2\3\4" ALPN_BOTH GREASE_END), &h) ==
		HELLO_DONE);
	expect_str(h.name, "api.a.example");
	expect(h.alpn && h.h2 && h.http1 && !h.ech);
}

TEST(the_name_is_normalised)
{
	struct hello h;

	expect(with(EXT("\0\0\0\x12\0\x10\0\0\rApI.a.eXampLE"), &h) == HELLO_DONE);
	expect_str(h.name, "api.a.example");
}

TEST(a_hello_without_a_name_or_without_extensions_is_one)
{
	auto_buf struct buf body = body_start();
	auto_buf struct buf msg = message(&body);
	auto_buf struct buf b = records(&msg, 16384);
	struct hello h;

	expect(parse(&b, &h) == HELLO_DONE);
	expect_str(h.name, "");
	expect(with(EXT("\0\x10\0\5\0\3\2h2"), &h) == HELLO_DONE);
	expect(!h.name[0] && h.h2 && !h.http1);
	expect(with(EXT(""), &h) == HELLO_DONE);
}

TEST(encrypted_hello_is_noticed)
{
	struct hello h;

	expect(with(EXT(NAME_A ECH), &h) == HELLO_DONE);
	expect(h.ech);
}

TEST(pieces_of_any_size_read_the_same)
{
	for (size_t piece = 1; piece < 90; piece++) {
		auto_buf struct buf b = hello_with(EXT(NAME_A ALPN_BOTH), piece);
		struct hello h;

		expect(parse(&b, &h) == HELLO_DONE);
		expect_str(h.name, "api.a.example");
	}
}

TEST(a_hello_that_has_come_in_part_wants_more)
{
	for (size_t piece = 7; piece < 100; piece += 40) {
		auto_buf struct buf b = hello_with(EXT(NAME_A ALPN_BOTH), piece);
		struct hello h;

		for (size_t n = b.len; n-- > 0;) {
			b.len = n;
			expect(parse(&b, &h) == HELLO_MORE);
			expect(!h.name[0]);
		}
	}
}

TEST(what_follows_the_hellos_records_does_not_matter)
{
	auto_buf struct buf b = hello_with(EXT(NAME_A), 16384);
	struct hello h;

	expect(buf_add(&b, "\x14\3\3\0\1\1", 6) == 0);
	expect(parse(&b, &h) == HELLO_DONE);
	expect_str(h.name, "api.a.example");
}

TEST(what_is_no_tls_is_something_else)
{
	struct hello h;

	expect(hello_parse("", 0, &h) == HELLO_MORE);
	expect(hello_parse("GET / HTTP/1.1\r\n", 16, &h) == HELLO_OTHER);
	expect(hello_parse("SSH-2.0-x", 9, &h) == HELLO_OTHER);
	expect(hello_parse("\x16\x01", 2, &h) == HELLO_OTHER);
	expect(hello_parse("\x80\x2e\x02\x03\x01", 5, &h) == HELLO_OTHER);
	expect(hello_parse("\xff\xfb\x01", 3, &h) == HELLO_MORE);
	expect(hello_parse("\xff\xfb\x01\x7f", 4, &h) == HELLO_OTHER);
}

TEST(a_hello_in_the_form_of_ssl_2_is_refused)
{
	static const char ssl2[] = "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10";
	struct hello h;

	for (size_t n = 1; n < sizeof(ssl2); n++)
		expect(hello_parse(ssl2, n, &h) == (n < 4 ? HELLO_MORE : HELLO_BAD));
}

TEST(two_names_are_refused)
{
	struct hello h;

	expect(with(EXT(NAME_A NAME_A), &h) == HELLO_BAD);
	expect(with(EXT("\0\0\0\x0c\0\x0a\0\0\2a.\0\0\2b."), &h) == HELLO_BAD);
	expect(with(EXT("\0\0\0\x0c\0\x0a\0\0\2aa\0\0\2bb"), &h) == HELLO_BAD);
	expect(with(EXT("\0\0\0\x0c\0\x0a\1\0\2aa\0\0\2bb"), &h) == HELLO_BAD);
	expect(!h.name[0]);
}

TEST(a_name_that_is_no_host_name_is_refused)
{
	static const char *const bad[] = { "a.example.", ".", "1.2.3.4", "::1", "a..b",
		"a b", "a/b", "*.a", "x@y", "a:443", "0x7f.1", "\xc3\xa4.de" };
	struct hello h;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n = strlen(bad[i]);
		char ext[64] = { 0, 0, 0, (char)(n + 5), 0, (char)(n + 3), 0, 0,
			(char)n };

		memcpy(ext + 9, bad[i], n);
		if (with(ext, n + 9, &h) != HELLO_BAD)
			fprintf(stderr, "%s\n", bad[i]);
		expect(with(ext, n + 9, &h) == HELLO_BAD);
	}
	expect(with(EXT("\0\0\0\6\0\4\0\0\1\0"), &h) == HELLO_BAD);
	expect(with(EXT("\0\0\0\x08\0\6\0\0\3a\0b"), &h) == HELLO_BAD);
}

TEST(lengths_that_do_not_agree_are_refused)
{
	static const struct {
		const char *ext;
		size_t len;
	} bad[] = {
		{ EXT("\0\0\0\0") },
		{ EXT("\0\0\0\2\0\0") },
		{ EXT("\0\0\0\5\0\3\0\0\0") },
		{ EXT("\0\0\0\7\0\4\0\0\1ax") },
		{ EXT("\0\0\0\6\0\5\0\0\1a") },
		{ EXT("\0\0\0\6\0\4\0\0\2a") },
		{ EXT("\0\0\0\x07\0\5\0\0\1ax") },
		{ EXT("\0\0\0\xff\0\4\0\0\1a") },
		{ EXT("\0\x10\0\0") },
		{ EXT("\0\x10\0\2\0\0") },
		{ EXT("\0\x10\0\3\0\1\0") },
		{ EXT("\0\x10\0\5\0\3\3h2") },
		{ EXT("\0\x10\0\6\0\3\2h2x") },
		{ EXT("\0") },
		{ EXT("\0\x2b\0") },
	};
	struct hello h;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (with(bad[i].ext, bad[i].len, &h) != HELLO_BAD)
			fprintf(stderr, "extension %zu\n", i);
		expect(with(bad[i].ext, bad[i].len, &h) == HELLO_BAD);
	}
}

TEST(an_extension_that_comes_twice_is_refused)
{
	struct hello h;

	expect(with(EXT(ALPN_BOTH NAME_A ALPN_BOTH), &h) == HELLO_BAD);
	expect(with(EXT(GREASE NAME_A GREASE), &h) == HELLO_BAD);
}

/* Change one byte of a good hello. */
static enum hello_result changed(size_t at, int to)
{
	auto_buf struct buf b = hello_with(EXT(NAME_A), 16384);
	struct hello h;

	b.data[at] = (char)to;
	return parse(&b, &h);
}

TEST(each_field_is_checked)
{
	expect(changed(0, 22) == HELLO_DONE);
	expect(changed(1, 4) == HELLO_OTHER);
	expect(changed(3, 0x41) == HELLO_BAD); /* a record of more than 16 KiB */
	expect(changed(5, 2) == HELLO_BAD);    /* a message of the server */
	expect(changed(6, 2) == HELLO_BAD);    /* a message of 128 KiB */
	expect(changed(8, 1) == HELLO_BAD);    /* shorter than its record */
	expect(changed(9, 2) == HELLO_BAD);    /* the version */
	expect(changed(43, 33) == HELLO_BAD);  /* the session */
	expect(changed(43, 5) == HELLO_BAD);
	expect(changed(49, 3) == HELLO_BAD); /* ciphers: odd */
	expect(changed(49, 0) == HELLO_BAD); /* none */
	expect(changed(52, 0) == HELLO_BAD); /* no compression method, not even none */
	expect(changed(55, 0) == HELLO_BAD); /* extensions: fewer than are there */
	expect(changed(55, 90) == HELLO_BAD);
}

TEST(records_between_that_are_no_handshake_are_refused)
{
	auto_buf struct buf b = hello_with(EXT(NAME_A), 40);
	struct hello h;

	b.data[45] = 23;
	expect(parse(&b, &h) == HELLO_BAD);
	b.data[45] = 22;
	b.data[48] = b.data[49] = 0; /* an empty one */
	expect(parse(&b, &h) == HELLO_BAD);
}

TEST(a_hello_that_never_ends_is_refused)
{
	auto_buf struct buf b = { 0 };
	struct hello h;

	expect(buf_add(&b, "\x16\3\1\0\1\1\x16\3\1\0\1\0\x16\3\1\0\1\xf0", 18) == 0);
	while (b.len + 6 < HELLO_MAX) {
		expect(parse(&b, &h) == HELLO_MORE);
		for (int i = 0; i < 1000 && b.len + 6 < HELLO_MAX; i++)
			expect(buf_add(&b, "\x16\3\1\0\1R", 6) == 0);
	}
	expect(buf_add(&b, "\x16\3\1\0\1R", 6) == 0);
	expect(b.len >= HELLO_MAX);
	expect(parse(&b, &h) == HELLO_BAD);
}

#ifdef SEEDS
TEST(hellos_of_real_clients_are_read)
{
	static const struct {
		const char *file, *name;
		bool h2;
	} real[] = {
		{ "curl", "api.example.com", true },
		{ "gnutls", "api.example.com", false },
		{ "go", "proxy.golang.org", true },
		{ "java", "repo1.maven.org", false },
		{ "node", "api.example.com", true },
		{ "nss", "api.example.com", false },
		{ "openssl", "api.example.com", true },
		{ "openssl-no-name", "", false },
		{ "openssl-split", "api.example.com", false },
		{ "python", "pypi.org", false },
	};

	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
		auto_free char *path = str_printf(SEEDS "/hello/%s", real[i].file);
		auto_buf struct buf b = { 0 };
		struct hello h;

		expect(path && file_read(AT_FDCWD, path, HELLO_MAX, &b, NULL) == 0);
		expect(parse(&b, &h) == HELLO_DONE);
		expect_str(h.name, real[i].name);
		expect(h.h2 == real[i].h2);
	}
}
#endif
