/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-store.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/test.h"
#include "gate/vault/vault-text.h"

#define ENTRY(name, host)                                                  \
	"{\"name\":\"" name "\",\"hosts\":[\"" host "\"],\"env\":[\"A\"]," \
	"\"nonce\":\"000000000000000000000000\","                          \
	"\"tag\":\"00000000000000000000000000000000\",\"data\":\"00\"}"
#define STORE(entries)                                                         \
	"{\"id\":\"0123456789abcdef\",\"key\":\"file\",\"check\":\"0123456789" \
	"abcdef\",\"secrets\":[" entries "]}"

static int parse(const char *text)
{
	auto_vault_store struct vault_store s = { 0 };
	struct err e = { 0 };

	return vault_store_parse(text, strlen(text), &s, &e);
}

TEST(a_store_is_read)
{
	auto_vault_store struct vault_store s = { 0 };
	const char *text = STORE(ENTRY("a", "a.example.com") "," ENTRY("b", "*.b.org"));
	struct err e = { 0 };

	expect(vault_store_parse(text, strlen(text), &s, &e) == 0);
	expect(s.secrets.n == 2 && s.key == VAULT_PLACE_FILE);
	expect_str(vault_store_at(&s, 1)->hosts.v[0], "*.b.org");
	expect(parse("") == 0);
}

TEST(what_is_wrong_in_a_store_is_refused)
{
	expect(parse("{") < 0);
	expect(parse("[]") < 0);
	expect(parse(STORE(ENTRY("a", "*.com"))) < 0);
	expect(parse(STORE(ENTRY("a", "A.example.com"))) < 0);
	expect(parse(STORE(ENTRY("../a", "a.example.com"))) < 0);
	expect(parse(STORE(ENTRY("a", "a.org") "," ENTRY("a", "b.org"))) < 0);
	expect(parse("{\"id\":\"x\",\"key\":\"file\",\"check\":\"0123456789abcdef\","
		     "\"secrets\":[]}") < 0);
	expect(parse("{\"id\":\"0123456789abcdef\",\"key\":\"pocket\",\"check\":"
		     "\"0123456789abcdef\",\"secrets\":[]}") < 0);
}

TEST(the_entry_of_ones_own_sandbox_goes_before_the_one_for_any)
{
	auto_vault_store struct vault_store s = { 0 };
	struct vault_secret *any, *own;
	struct err e = { 0 };

	expect(vault_store_add(&s, &any, &e) == 0 && str_set(&any->name, "a") == 0);
	expect(vault_store_add(&s, &own, &e) == 0 && str_set(&own->name, "a") == 0 &&
		str_set(&own->sandbox, "web") == 0);
	any = vault_store_at(&s, 0);
	expect(vault_store_pick(&s, "a", "web") == own);
	expect(vault_store_pick(&s, "a", "other") == any);
	expect(vault_store_pick(&s, "b", "web") == NULL);
	vault_store_remove(&s, any);
	expect(s.secrets.n == 1 && vault_store_pick(&s, "a", "other") == NULL);
	expect(vault_store_pick(&s, "a", "web") == vault_store_at(&s, 0));
}

static size_t hosts_left(const char *bound, const char *wanted)
{
	struct vault_secret s = { 0 };
	auto_strv struct strv narrow = { 0 }, got = { 0 };
	size_t n;

	expect(strv_split(&s.hosts, bound, " ") == 0);
	expect(strv_split(&narrow, wanted, " ") == 0);
	expect(vault_secret_hosts(&s, &narrow, &got) == 0);
	n = got.n;
	strv_clear(&s.hosts);
	return n;
}

TEST(a_grant_narrows_hosts_and_never_widens_them)
{
	expect(hosts_left("a.org b.org", "") == 2);
	expect(hosts_left("a.org b.org", "b.org") == 1);
	expect(hosts_left("a.org", "evil.org") == 0);
	expect(hosts_left("a.org", "*.org") == 0);
	expect(hosts_left("*.a.org", "x.a.org") == 1);
	expect(hosts_left("*.a.org", "x.y.a.org") == 0);
	expect(hosts_left("*.a.org", "**.a.org") == 0);
	expect(hosts_left("**.a.org", "*.a.org") == 1);
	expect(hosts_left("**.a.org", "*.b.a.org") == 1);
	expect(hosts_left("**.b.a.org", "*.a.org") == 0);
	expect(hosts_left("192.0.2.1", "192.0.2.1") == 1);
	expect(hosts_left("192.0.2.1", "192.0.2.2") == 0);
}

static bool value_good(const char *text, size_t len)
{
	struct err e = { 0 };
	bool good = vault_value_check(text, len, &e) == 0;

	/* the reason never quotes the value */
	expect(good || !strstr(e.msg, "topsecret"));
	return good;
}

TEST(values_are_texts_that_fit_a_header)
{
	auto_free char *quotes = malloc(16000), *plain = malloc(VAULT_VALUE_MAX + 1);

	memset(quotes, '"', 16000);
	memset(plain, 'x', VAULT_VALUE_MAX + 1);
	expect(value_good("12345678", 8));
	expect(value_good("päßwörter", strlen("päßwörter")));
	expect(value_good(plain, VAULT_VALUE_MAX));
	expect(!value_good(plain, VAULT_VALUE_MAX + 1));
	expect(!value_good("1234567", 7));
	expect(!value_good("topsecret\nx", 11));
	expect(!value_good("topsecret\0x", 11));
	expect(!value_good("topsecret\xff", 10));
	expect(!value_good("topsecret\xc2\x85", 11));
	expect(!value_good(" topsecret", 10));
	expect(!value_good("topsecret ", 10));
	expect(!value_good(quotes, 16000));
}

TEST(only_one_writer_has_the_lock)
{
	char dir[] = "/tmp/brig-vault-test.XXXXXX";
	struct err e = { 0 };
	int at, one, two;

	expect(mkdtemp(dir));
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	one = vault_store_lock(at, &e);
	expect(one >= 0);
	if (fork() == 0) {
		(void)usleep(100000);
		_exit(0);
	}
	(void)close(one);
	/* the child has it still, and lets go */
	two = vault_store_lock(at, &e);
	expect(two >= 0);
	(void)close(two);
	(void)close(at);
	(void)file_remove_tree(AT_FDCWD, dir, NULL);
}
