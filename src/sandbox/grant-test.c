/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/grant.h"

#include "base/err.h"
#include "base/file.h"
#include "base/test.h"
#include "gate/vault/vault-service.h"
#include "gate/vault/vault-store.h"

static char home[] = "/tmp/brig-grant-test.XXXXXX";

static void put(const char *name, const char *host, const char *env, const char *sandbox)
{
	auto_vault_store struct vault_store s = { 0 };
	struct vault_secret *sec;
	struct err e = { 0 };
	int dir = vault_store_dir(&e);

	expect(dir >= 0 && vault_store_look(&s, &e) == 0);
	expect(str_set(&s.id, "0123456789abcdef") == 0 &&
		str_set(&s.check, "0123456789abcdef") == 0);
	expect(vault_store_add(&s, &sec, &e) == 0);
	expect(str_set(&sec->name, name) == 0 && str_set(&sec->sandbox, sandbox) == 0 &&
		strv_add(&sec->hosts, host) == 0 &&
		strv_split(&sec->env, env, " ") == 0 &&
		str_set(&sec->nonce, "000000000000000000000000") == 0 &&
		str_set(&sec->tag, "00000000000000000000000000000000") == 0 &&
		str_set(&sec->data, "00") == 0);
	expect(vault_store_save(dir, &s, &e) == 0);
	(void)close(dir);
}

static void set_up(void)
{
	expect(mkdtemp(home) && setenv("BRIG_HOME", home, 1) == 0);
	expect(setenv("BRIG_DATADIR", SHARE, 1) == 0);
	put("anthropic", "api.anthropic.com", "ANTHROPIC_API_KEY", NULL);
	put("github", "api.github.com", "GH_TOKEN GITHUB_TOKEN", NULL);
	put("work", "api.anthropic.com", "ANTHROPIC_API_KEY", NULL);
	put("other", "api.example.com", "OTHER", "there");
}

static void tear_down(struct json_list *g)
{
	for (size_t i = 0; i < g->n; i++)
		json_struct_clear(&grant_schema, grant_at(g, i));
	free(g->items);
	(void)file_remove_tree(AT_FDCWD, home, NULL);
}

static int add(struct json_list *g, const char *wanted, struct err *e)
{
	auto_strv struct strv v = { 0 };

	expect(strv_split(&v, wanted, " ") == 0);
	return grants_add(g, &v, "web", e);
}

TEST(a_sentinel_looks_like_a_key_of_its_service)
{
	struct json_list g = { 0 };
	struct err e = { 0 };

	set_up();
	expect(add(&g, "anthropic github=MY_TOKEN", &e) == 0 && g.n == 2);
	expect(str_starts(grant_at(&g, 0)->sentinel, "sk-ant-api03-"));
	expect(strlen(grant_at(&g, 0)->sentinel) == 13 + 95);
	expect(str_starts(grant_at(&g, 1)->sentinel, "ghp_"));
	expect(strlen(grant_at(&g, 1)->sentinel) == 40);
	expect(grant_at(&g, 1)->env.n == 1);
	expect_str(grant_at(&g, 1)->env.v[0], "MY_TOKEN");
	tear_down(&g);
}

TEST(sentinels_are_never_the_same)
{
	auto_free char *a = NULL, *b = NULL;
	struct err e = { 0 };

	expect(grant_sentinel("x-", 0, &a, &e) == 0 &&
		grant_sentinel("x-", 0, &b, &e) == 0);
	expect(strlen(a) == 2 + GRANT_RANDOM_MIN && strcmp(a, b) != 0);
}

TEST(what_is_not_stored_for_this_sandbox_is_not_granted)
{
	struct json_list g = { 0 };
	struct err e = { 0 };

	set_up();
	expect(add(&g, "antropic", &e) == -ENOENT);
	expect_str(e.hint, "did you mean 'anthropic'?");
	expect(add(&g, "other", &e) == -ENOENT);
	expect(add(&g, "openai", &e) == -ENOENT);
	expect(add(&g, "../x", &e) == -EINVAL);
	expect(add(&g, "anthropic=A=B", &e) == -EINVAL);
	expect(g.n == 0);
	tear_down(&g);
}

TEST(a_variable_holds_one_secret)
{
	struct json_list g = { 0 };
	struct err e = { 0 };

	set_up();
	expect(add(&g, "anthropic work", &e) == -EINVAL);
	expect(add(&g, "work=WORK_KEY", &e) == 0);
	expect(add(&g, "anthropic", &e) == -EINVAL); /* granted above already */
	tear_down(&g);
}

TEST(an_agent_gets_what_its_recipe_names)
{
	auto_strv struct strv recipe = { 0 }, env = { 0 };
	struct json_list g = { 0 };
	struct err e = { 0 };

	set_up();
	expect(strv_split(&recipe, "ANTHROPIC_API_KEY,GITHUB_TOKEN=x,OTHER,PATH", ",") ==
		0);
	expect(grants_default(&g, &recipe, "web", &e) == 0 && g.n == 1);
	expect_str(grant_at(&g, 0)->secret, "anthropic"); /* as its service, not work */
	expect(grants_env(&g, &env) == 0 && env.n == 1);
	expect(str_starts(env.v[0], "ANTHROPIC_API_KEY=sk-ant-api03-"));
	tear_down(&g);
}

TEST(a_secret_of_the_sandbox_goes_before_others)
{
	auto_strv struct strv recipe = { 0 };
	struct json_list g = { 0 };
	struct err e = { 0 };

	set_up();
	put("mine", "api.anthropic.com", "ANTHROPIC_API_KEY", "web");
	expect(strv_split(&recipe, "ANTHROPIC_API_KEY", ",") == 0);
	expect(grants_default(&g, &recipe, "web", &e) == 0 && g.n == 1);
	expect_str(grant_at(&g, 0)->secret, "mine");
	tear_down(&g);
}

TEST(what_was_asked_for_goes_before_the_default)
{
	auto_strv struct strv recipe = { 0 };
	struct json_list g = { 0 };
	struct err e = { 0 };

	set_up();
	expect(add(&g, "work", &e) == 0);
	expect(strv_split(&recipe, "ANTHROPIC_API_KEY GH_TOKEN", " ") == 0);
	expect(grants_default(&g, &recipe, "web", &e) == 0 && g.n == 2);
	expect_str(grant_at(&g, 0)->secret, "work");
	expect_str(grant_at(&g, 1)->secret, "github");
	expect(grants_have_env(&g, "GITHUB_TOKEN") && !grants_have_env(&g, "PATH"));
	tear_down(&g);
}

TEST(the_vault_gets_a_configuration_and_the_gate_its_hosts)
{
	auto_strv struct strv hosts = { 0 };
	auto_json struct json *j = NULL;
	auto_free char *text = NULL;
	struct json_list g = { 0 };
	struct err e = { 0 };

	set_up();
	expect(add(&g, "anthropic github", &e) == 0);
	expect(grants_config(&g, "web", "/x/trust", &text, &e) == 0);
	expect(json_parse(text, strlen(text), "config", &j, &e) == 0);
	expect(json_len(json_get(j, "grants")) == 2);
	expect_str(json_get_str(j, "sandbox"), "web");
	expect(grants_hosts(&g, "web", &hosts, &e) == 0 && hosts.n == 2);
	expect(strv_add(&grant_at(&g, 0)->hosts, "evil.org") == 0);
	strv_clear(&hosts);
	expect(grants_hosts(&g, "web", &hosts, &e) == 0 && hosts.n == 1);
	tear_down(&g);
}

TEST(every_known_service_has_its_own_variables)
{
	auto_vault_services struct vault_services s = { 0 };
	struct err e = { 0 };

	(void)setenv("BRIG_DATADIR", SHARE, 1);
	if (vault_services_load(&s, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	expect(s.list.n >= 15);
	for (size_t i = 0; i < s.list.n; i++)
		for (size_t k = 0; k < vault_services_at(&s, i)->env.n; k++)
			expect(vault_service_by_env(
				       &s, vault_services_at(&s, i)->env.v[k]) ==
				vault_services_at(&s, i));
}
