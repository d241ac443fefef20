/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/front-impl.h"

#include "base/test.h"
#include "gate/front/front-lab.h"
#include "gate/front/leaf.h"

#include <malloc.h>

#define RULES     "allow https://a.example\nallow https://9.9.9.1\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a.example\r\n\r\n"

static int connect_to(struct lab *l, const char *name, uint16_t port)
{
	struct address a;

	expect(address_parse("9.9.9.1", &a) == 0);
	return lab_connect(l,
		&(struct front_spec){
			.tls = true, .name = name, .dst = &a, .port = port });
}

TEST(tls_is_opened_with_a_leaf_of_the_vaults)
{
	struct lab *l = lab_new(RULES);

	for (int i = 0; i < 3; i++) {
		int fd = connect_to(l, "a.example", 443);
		SSL *ssl = lab_tls(l, fd, "a.example", true, NULL);
		auto_buf struct buf b = { 0 };

		expect(ssl != NULL);
		lab_tls_say(l, ssl, GET("/hello"));
		expect(lab_tls_hear(l, ssl, "\r\n\r\nhello", &b));
		lab_tls_say(l, ssl, "GET /hello HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
		expect(l->port == 443);
		SSL_free(ssl);
		(void)close(fd);
	}
	expect(l->signed_n == 1 && leaf_cache_count(l->g.front->leaves) == 1);
	lab_free(l);
}

TEST(many_who_wait_for_one_name_share_a_signature)
{
	struct lab *l = lab_new(RULES);
	int fds[20];

	for (int i = 0; i < 20; i++)
		fds[i] = connect_to(l, "a.example", 443);
	for (int i = 0; i < 20; i++) {
		SSL *ssl = lab_tls(l, fds[i], "a.example", true, NULL);

		expect(ssl != NULL);
		SSL_free(ssl);
		(void)close(fds[i]);
	}
	expect(l->signed_n == 1);
	lab_free(l);
}

TEST(another_host_inside_is_misdirected)
{
	static const char *const hosts[] = { "b.example", "a.example:8443", "9.9.9.1",
		"a.example.evil.example" };
	struct lab *l = lab_new(RULES "allow https://b.example\n");

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		int fd = connect_to(l, "a.example", 443);
		SSL *ssl = lab_tls(l, fd, "a.example", true, NULL);
		auto_buf struct buf b = { 0 };
		char text[128];

		expect(ssl != NULL);
		(void)snprintf(text, sizeof(text),
			"GET /hello HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
		lab_tls_say(l, ssl, text);
		expect(lab_tls_hear(l, ssl, "\r\n\r\n", &b));
		expect(strncmp(b.data + 9, "421", 3) == 0);
		expect(l->requests == 0 && l->denials == i + 1);
		if (i != 1)
			expect_str(l->reason, "Host and SNI differ");
		SSL_free(ssl);
		(void)close(fd);
	}
	lab_free(l);
}

TEST(a_host_that_is_an_address_has_a_leaf_too)
{
	struct lab *l = lab_new(RULES);
	int fd = connect_to(l, NULL, 443);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	auto_buf struct buf b = { 0 };

	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	expect(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), l->ca) == 1);
	expect(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "9.9.9.1") == 1);
	expect(SSL_set_fd(ssl, fd) == 1);
	while (SSL_connect(ssl) != 1)
		lab_turn(l);
	lab_tls_say(l, ssl, "GET /hello HTTP/1.1\r\nHost: 9.9.9.1\r\n\r\n");
	expect(lab_tls_hear(l, ssl, "\r\n\r\nhello", &b));
	expect_str(l->host, "9.9.9.1");
	expect(l->addrs_n == 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	(void)close(fd);
	lab_free(l);
}

TEST(a_client_that_does_not_trust_the_ca_is_named_in_the_log)
{
	struct lab *l = lab_new(RULES);
	int fd = connect_to(l, "a.example", 443);

	expect(!lab_tls(l, fd, "a.example", false, NULL));
	for (int i = 0; i < 10; i++)
		lab_turn(l);
	expect_str(l->reason, "the client does not trust the sandbox's CA");
	expect(l->g.conns == 0);
	(void)close(fd);
	lab_free(l);
}

TEST(a_name_that_was_not_judged_is_not_served)
{
	struct lab *l = lab_new(RULES);
	int fd = connect_to(l, "a.example", 443);

	expect(!lab_tls(l, fd, "b.example", true, NULL));
	(void)close(fd);
	lab_free(l);
}

TEST(a_vault_that_refuses_or_is_silent_closes_the_connection)
{
	struct lab *l = lab_new(RULES);
	int fd = connect_to(l, "a.example", 443);
	auto_buf struct buf b = { 0 };

	l->vault_refuses = true;
	expect(lab_hear(l, fd, NULL, &b));
	expect_str(l->reason, "the vault would rather not");
	(void)close(fd);
	l->vault_refuses = false;
	l->vault_mute = true;
	fd = connect_to(l, "a.example", 443);
	expect(lab_hear(l, fd, NULL, &b) || lab_hear(l, fd, NULL, &b));
	expect_str(l->reason, "the vault did not sign a certificate in time");
	expect(l->g.conns == 0);
	(void)close(fd);
	lab_free(l);
}

static void got_leaf(struct x509_st *leaf, const char *reason, void *data)
{
	unsigned *n = data;

	(void)reason;
	*n += leaf != NULL;
}

TEST(leaves_are_kept_up_to_a_number)
{
	struct lab *l = lab_new(RULES);
	struct leaf_cache *c = l->g.front->leaves;
	unsigned got = 0;

	for (unsigned i = 0; i < LEAF_CACHE_MAX + 50; i++) {
		struct leaf_wait *w;
		char name[32];

		(void)snprintf(name, sizeof(name), "h%u.example", i);
		expect(leaf_ask(c, name, got_leaf, &got, &w) == 0);
		for (int k = 0; k < 500 && got == i; k++)
			lab_turn(l);
		if (i == 1000)
			expect(leaf_find(c, "h0.example") != NULL); /* used: stays */
	}
	expect(got == LEAF_CACHE_MAX + 50 && leaf_cache_count(c) == LEAF_CACHE_MAX);
	expect(leaf_find(c, "h0.example") && !leaf_find(c, "h1.example"));
	got = 0;
	l->vault_mute = true;
	for (unsigned i = 0; i < LEAF_ASKED_MAX + 1; i++) {
		struct leaf_wait *w;
		char name[32];

		(void)snprintf(name, sizeof(name), "m%u.example", i);
		expect((leaf_ask(c, name, got_leaf, &got, &w) == 0) ==
			(i < LEAF_ASKED_MAX));
	}
	lab_free(l);
}

TEST(a_large_answer_over_tls_comes_whole)
{
	struct lab *l = lab_new(RULES);
	int fd = connect_to(l, "a.example", 443);
	SSL *ssl = lab_tls(l, fd, "a.example", true, NULL);
	size_t got = 0;

	expect(ssl != NULL);
	lab_tls_say(l, ssl, GET("/big?8000000"));
	for (int i = 0; i < 100000 && got < 8000000; i++) {
		char part[16384];
		int n = SSL_read(ssl, part, sizeof(part));

		got += n > 0 ? (size_t)n : 0;
		if (n <= 0)
			lab_turn(l);
	}
	expect(got > 8000000);
	SSL_free(ssl);
	(void)close(fd);
	lab_free(l);
}

TEST(an_idle_connection_costs_little)
{
	enum { N = 200 };
	struct lab *l = lab_new(RULES);
	SSL *ssls[N];
	int fds[N];
	size_t before = 0, after;

	/* the clients' side is this process too: count what the gate's side adds */
	for (int i = 0; i < N; i++) {
		auto_buf struct buf b = { 0 };

		fds[i] = connect_to(l, "a.example", 443);
		ssls[i] = lab_tls(l, fds[i], "a.example", true, NULL);
		expect(ssls[i] != NULL);
		lab_tls_say(l, ssls[i], GET("/hello"));
		expect(lab_tls_hear(l, ssls[i], "hello", &b));
	}
	for (int i = 0; i < N; i++)
		SSL_free(ssls[i]);
	before = mallinfo2().uordblks;
	for (int i = 0; i < N; i++)
		(void)close(fds[i]);
	for (int i = 0; i < 200 && l->g.conns; i++)
		lab_turn(l);
	after = mallinfo2().uordblks;
	expect(l->g.conns == 0);
	fprintf(stderr, "# %zu bytes a connection\n", (before - after) / N);
	expect(before - after < (size_t)N * 30 * 1024);
	lab_free(l);
}
