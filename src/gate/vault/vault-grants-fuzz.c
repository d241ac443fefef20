/* SPDX-License-Identifier: Apache-2.0 */
/* The vault's configuration and the store of secrets: what is taken is within its bounds. */
#include "gate/vault/vault-grants.h"

#include "base/err.h"
#include "base/parcel.h"
#include "gate/vault/vault-service.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-text.h"

static const uint8_t master[VAULT_KEY_LEN] = "a key that every reader knows";

/* Give every entry a value, so that the way to the injector is walked too. */
static int reseal(struct vault_store *s)
{
	struct buf value = { .data = (char[]){ "the \"real\" one" }, .len = 14 };

	for (size_t i = 0; i < s->secrets.n; i++)
		if (vault_secret_seal(master, vault_store_at(s, i), &value, NULL) < 0)
			return -1;
	return 0;
}

static void check_push(const struct vault_push *p)
{
	for (size_t i = 0; i < p->n; i++) {
		auto_json struct json *j = NULL;
		struct err e = { 0 };

		if (p->v[i].len > PARCEL_MAX ||
			json_parse(p->v[i].data, p->v[i].len, "push", &j, &e) < 0 ||
			!str_eq(json_get_str(j, "value"), "the \"real\" one") ||
			json_len(json_get(j, "hosts")) == 0)
			abort();
	}
}

static void use(const struct vault_config *c, struct vault_store *s)
{
	auto_vault_push struct vault_push p = { 0 };
	struct err e = { 0 };

	if (s->secrets.n > 8 || reseal(s) < 0)
		return;
	if (vault_push_make(&p, c, s, master, &e) == 0)
		check_push(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Input: a configuration, a NUL, a store. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *nul = memchr(data, '\0', len);
	size_t first = nul ? (size_t)(nul - data) : len;
	auto_vault_config struct vault_config c = { 0 };
	auto_vault_store struct vault_store s = { 0 };
	auto_vault_services struct vault_services known = { 0 };
	struct err e = { 0 };
	int a, b;

	a = vault_config_parse((const char *)data, first, &c, &e);
	b = nul ? vault_store_parse((const char *)nul + 1, len - first - 1, &s, &e) : -1;
	if (a == 0 && b == 0)
		use(&c, &s);
	(void)vault_services_parse((const char *)data, len, &known, &e);
	(void)vault_value_check((const char *)data, len, &e);
	return 0;
}
