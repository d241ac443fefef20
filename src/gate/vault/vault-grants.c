/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-grants.h"

#include "base/err.h"
#include "base/parcel.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-text.h"

static const struct json_field grant_fields[] = {
	JSON_FIELD(
		struct vault_grant, "secret", JSON_STR, secret, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_grant, "sentinel", JSON_STR, sentinel,
		.flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_grant, "hosts", JSON_STRV, hosts),
	{ 0 },
};
static const struct json_schema grant_schema = { "grant", sizeof(struct vault_grant),
	grant_fields };

static const struct json_field config_fields[] = {
	JSON_FIELD(struct vault_config, "grants", JSON_LIST, grants,
		.flags = JSON_REQUIRED, .of = &grant_schema),
	JSON_FIELD(struct vault_config, "sandbox", JSON_STR, sandbox),
	JSON_FIELD(struct vault_config, "ca", JSON_STR, ca),
	{ 0 },
};
static const struct json_schema config_schema = { "the vault's configuration",
	sizeof(struct vault_config), config_fields };

void vault_config_clear(struct vault_config *c)
{
	json_struct_clear(&config_schema, c);
}

static bool sentinel_good(const char *text)
{
	size_t n = strlen(text);

	return n >= VAULT_SENTINEL_MIN && n <= VAULT_SENTINEL_MAX &&
		strspn(text,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
			"-") == n;
}

/* One that began another would be replaced within it. */
static bool clashes(const struct vault_config *c, size_t i)
{
	const char *mine = vault_config_grant(c, i)->sentinel;

	for (size_t k = 0; k < i; k++) {
		const char *other = vault_config_grant(c, k)->sentinel;

		if (strstr(mine, other) || strstr(other, mine))
			return true;
	}
	return false;
}

static int check_grant(const struct vault_config *c, size_t i, struct err *e)
{
	const struct vault_grant *g = vault_config_grant(c, i);
	int r = vault_name_check(g->secret, e);

	if (r < 0)
		return r;
	if (!sentinel_good(g->sentinel) || clashes(c, i))
		return err_set(e, EINVAL, "the sentinel of '%s' is no good", g->secret);
	if (g->hosts.n > VAULT_HOSTS_MAX)
		return err_set(e, EINVAL, "'%s' has %zu hosts", g->secret, g->hosts.n);
	for (size_t k = 0; k < g->hosts.n; k++) {
		auto_free char *form = NULL;

		r = vault_host_normalise(g->hosts.v[k], &form, e);
		if (r < 0)
			return r;
		if (!str_eq(form, g->hosts.v[k]))
			return err_set(
				e, EINVAL, "host '%s' isn't normalised", g->hosts.v[k]);
	}
	return 0;
}

int vault_config_parse(
	const char *text, size_t len, struct vault_config *ret, struct err *e)
{
	auto_vault_config struct vault_config c = { 0 };
	auto_json struct json *j = NULL;
	int r = json_parse(text, len, "the vault's configuration", &j, e);

	if (r == 0)
		r = json_to_struct(j, &config_schema, &c, e);
	if (r == 0 && c.grants.n > VAULT_GRANTS_MAX)
		r = err_set(e, EINVAL, "more than %u grants", VAULT_GRANTS_MAX);
	for (size_t i = 0; i < c.grants.n && r == 0; i++)
		r = check_grant(&c, i, e);
	if (r < 0)
		return r;
	*ret = c;
	memset(&c, 0, sizeof(c));
	return 0;
}

void vault_push_clear(struct vault_push *p)
{
	for (size_t i = 0; i < p->n; i++)
		vault_wipe(&p->v[i]);
	p->n = 0;
	strv_clear(&p->missing);
}

static int add_str(struct buf *b, const char *before, const char *text)
{
	int r = buf_add_str(b, before);

	return r < 0 ? r : vault_add_json_str(b, text, strlen(text));
}

/* Written by hand, so that no library keeps a copy of the value. */
static int compose(struct buf *b, const struct vault_grant *g, const struct strv *hosts,
	const struct buf *value)
{
	int r = buf_reserve(b, PARCEL_MAX + 1);

	if (r == 0)
		r = add_str(b, "{\"name\":", g->secret);
	if (r == 0)
		r = add_str(b, ",\"sentinel\":", g->sentinel);
	for (size_t i = 0; i < hosts->n && r == 0; i++)
		r = add_str(b, i ? "," : ",\"hosts\":[", hosts->v[i]);
	if (r == 0)
		r = buf_add_str(b, "],\"value\":");
	if (r == 0)
		r = vault_add_json_str(b, value->data, value->len);
	if (r == 0)
		r = buf_add_str(b, "}");
	return r == 0 && b->len > PARCEL_MAX ? -EMSGSIZE : r;
}

static int push_one(struct vault_push *p, const struct vault_grant *g,
	const struct vault_secret *s, const uint8_t *master, struct err *e)
{
	auto_wiped struct buf value = { 0 };
	auto_strv struct strv hosts = { 0 };
	int r = vault_secret_hosts(s, &g->hosts, &hosts);

	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (hosts.n == 0)
		return strv_add(&p->missing, g->secret);
	r = vault_secret_open(master, s, &value, e);
	if (r == 0)
		r = vault_value_check(value.data, value.len, e);
	if (r < 0)
		return r;
	r = compose(&p->v[p->n++], g, &hosts, &value);
	return r < 0
		? err_set(e, -r, "secret '%s' is too long to be handed over", g->secret)
		: 0;
}

int vault_push_make(struct vault_push *p, const struct vault_config *c,
	const struct vault_store *s, const uint8_t master[VAULT_KEY_LEN], struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->grants.n && r == 0; i++) {
		const struct vault_grant *g = vault_config_grant(c, i);
		const struct vault_secret *sec =
			vault_store_pick(s, g->secret, c->sandbox);

		r = sec ? push_one(p, g, sec, master, e)
			: strv_add(&p->missing, g->secret);
	}
	return r;
}
