/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-seal.h"

#include "base/err.h"
#include "base/test.h"
#include "gate/vault/vault-key.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-text.h"

#include <sys/wait.h>

static const uint8_t master[VAULT_KEY_LEN] = "a key that every reader knows";

static void fill(struct vault_secret *s)
{
	struct buf value = { .data = (char[]){ "sk-the-real-one" }, .len = 15 };
	struct err e = { 0 };

	expect(vault_crypto_init(&e) == 0);
	expect(str_set(&s->name, "a") == 0 && strv_add(&s->hosts, "a.org") == 0 &&
		strv_add(&s->env, "A_KEY") == 0);
	s->created = s->changed = 7;
	expect(vault_secret_seal(master, s, &value, &e) == 0);
}

static void clear(struct vault_secret *s)
{
	free(s->name);
	free(s->sandbox);
	free(s->nonce);
	free(s->tag);
	free(s->data);
	strv_clear(&s->hosts);
	strv_clear(&s->env);
}

static bool opens(const struct vault_secret *s, const uint8_t *key)
{
	auto_wiped struct buf value = { 0 };
	struct err e = { 0 };
	int r = vault_secret_open(key, s, &value, &e);

	expect(r == 0 || r == -EBADMSG);
	expect(r < 0 || strcmp(value.data, "sk-the-real-one") == 0);
	return r == 0;
}

TEST(what_was_sealed_opens_again)
{
	AUTO(clear) struct vault_secret s = { 0 };

	fill(&s);
	expect(!strstr(s.data, "sk-the"));
	expect(opens(&s, master));
}

TEST(another_key_opens_nothing)
{
	AUTO(clear) struct vault_secret s = { 0 };
	uint8_t other[VAULT_KEY_LEN] = { 1 };

	fill(&s);
	expect(!opens(&s, other));
}

TEST(hosts_edited_by_hand_are_found_out)
{
	AUTO(clear) struct vault_secret s = { 0 };

	fill(&s);
	expect(strv_add(&s.hosts, "evil.org") == 0);
	expect(!opens(&s, master));
	s.hosts.v[1][0] = '\0'; /* nor does a list look like another one */
	expect(!opens(&s, master));
	strv_clear(&s.hosts);
	expect(strv_add(&s.hosts, "a.org") == 0);
	expect(opens(&s, master));
}

TEST(every_other_field_is_bound_too)
{
	AUTO(clear) struct vault_secret s = { 0 };

	fill(&s);
	s.changed++;
	expect(!opens(&s, master));
	s.changed--;
	expect(str_set(&s.sandbox, "web") == 0 && !opens(&s, master));
	expect(str_set(&s.sandbox, NULL) == 0 && opens(&s, master));
	expect(str_set(&s.name, "b") == 0 && !opens(&s, master));
	expect(str_set(&s.name, "a") == 0 && str_set(&s.env.v[0], "B_KEY") == 0);
	expect(!opens(&s, master));
	expect(str_set(&s.env.v[0], "A_KEY") == 0 && opens(&s, master));
	s.tag[0] = s.tag[0] == '0' ? '1' : '0';
	expect(!opens(&s, master));
}

TEST(a_value_sealed_twice_looks_different)
{
	AUTO(clear) struct vault_secret s = { 0 }, t = { 0 };

	fill(&s);
	fill(&t);
	expect(strcmp(s.nonce, t.nonce) != 0 && strcmp(s.data, t.data) != 0);
}

TEST(purposes_with_the_same_letters_give_different_keys)
{
	static const struct vault_purpose p[] = { { "secret", "ab", NULL },
		{ "secret", "a", "b" }, { "secreta", "b", NULL },
		{ "secret", "ab", "" } };
	uint8_t keys[4][VAULT_KEY_LEN];
	struct err e = { 0 };

	for (int i = 0; i < 4; i++) {
		expect(vault_derive(master, &p[i], keys[i], &e) == 0);
		for (int k = 0; k < i; k++)
			expect(memcmp(keys[i], keys[k], VAULT_KEY_LEN) != 0);
	}
}

TEST(a_child_finds_no_master_key)
{
	auto_vault_master struct vault_master m = { 0 };
	struct err e = { 0 };
	int status;

	expect(vault_master_new(&m, &e) == 0);
	memset(m.key, 7, VAULT_KEY_LEN);
	if (fork() == 0)
		_exit(m.key[0] == 0 && m.key[VAULT_KEY_LEN - 1] == 0 ? 0 : 1);
	expect(wait(&status) > 0 && status == 0);
	expect(m.key[0] == 7);
}
