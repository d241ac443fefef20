/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-service.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "gate/vault/vault-text.h"

static const struct json_field service_fields[] = {
	JSON_FIELD(struct vault_service, "name", JSON_STR, name, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_service, "description", JSON_STR, description),
	JSON_FIELD(struct vault_service, "env", JSON_STRV, env, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_service, "also", JSON_STRV, also),
	JSON_FIELD(
		struct vault_service, "hosts", JSON_STRV, hosts, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_service, "prefix", JSON_STR, prefix),
	JSON_FIELD(struct vault_service, "length", JSON_UINT, length),
	{ 0 },
};
static const struct json_schema service_schema = { "service",
	sizeof(struct vault_service), service_fields };

static const struct json_field table_fields[] = {
	JSON_FIELD(struct vault_services, "services", JSON_LIST, list,
		.flags = JSON_REQUIRED, .of = &service_schema),
	{ 0 },
};
static const struct json_schema table_schema = { "table of services",
	sizeof(struct vault_services), table_fields };

void vault_services_clear(struct vault_services *s)
{
	json_struct_clear(&table_schema, s);
}

/* The prefix becomes part of sentinels: what those may hold. */
static bool prefix_good(const char *text)
{
	return strlen(text) <= 64 &&
		strspn(text,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
			"-") == strlen(text);
}

static int check(const struct vault_service *s, struct err *e)
{
	int r = vault_name_check(s->name, e);

	if (r == 0 &&
		(s->env.n == 0 || s->hosts.n == 0 || s->length > 256 ||
			(s->prefix && !prefix_good(s->prefix))))
		r = err_set(e, EBADMSG,
			"service '%s': no variable, no host, or a bad prefix or length",
			s->name);
	for (size_t i = 0; i < s->env.n && r == 0; i++)
		r = vault_env_check(s->env.v[i], e);
	for (size_t i = 0; i < s->hosts.n && r == 0; i++) {
		auto_free char *form = NULL;

		r = vault_host_normalise(s->hosts.v[i], &form, e);
		if (r == 0 && !str_eq(form, s->hosts.v[i]))
			r = err_set(e, EBADMSG, "service '%s': host '%s' is written '%s'",
				s->name, s->hosts.v[i], form);
	}
	return r;
}

int vault_services_parse(
	const char *text, size_t len, struct vault_services *ret, struct err *e)
{
	auto_vault_services struct vault_services s = { 0 };
	auto_json struct json *j = NULL;
	int r = json_parse(text, len, "table of services", &j, e);

	if (r == 0)
		r = json_to_struct(j, &table_schema, &s, e);
	for (size_t i = 0; i < s.list.n && r == 0; i++)
		r = check(vault_services_at(&s, i), e);
	if (r < 0)
		return r;
	*ret = s;
	memset(&s, 0, sizeof(s));
	return 0;
}

int vault_services_load(struct vault_services *ret, struct err *e)
{
	auto_free char *path = dirs_share("services.json");
	auto_buf struct buf text = { 0 };
	int r = path ? file_read(AT_FDCWD, path, VAULT_SERVICES_MAX_BYTES, &text, e)
		     : err_set(e, ENOMEM, "out of memory");

	return r < 0 ? r : vault_services_parse(text.data, text.len, ret, e);
}

const struct vault_service *vault_service_find(
	const struct vault_services *s, const char *name)
{
	for (size_t i = 0; i < s->list.n; i++)
		if (str_eq(vault_services_at(s, i)->name, name))
			return vault_services_at(s, i);
	return NULL;
}

const struct vault_service *vault_service_by_env(
	const struct vault_services *s, const char *variable)
{
	for (size_t i = 0; i < s->list.n; i++) {
		const struct vault_service *at = vault_services_at(s, i);

		if (strv_has(&at->env, variable) || strv_has(&at->also, variable))
			return at;
	}
	return NULL;
}

static const char *first_set(const struct strv *names, const char **ret_variable)
{
	for (size_t i = 0; i < names->n; i++) {
		const char *value = getenv(names->v[i]);

		if (value && *value) {
			*ret_variable = names->v[i];
			return value;
		}
	}
	return NULL;
}

const char *vault_service_value(const struct vault_service *s, const char **ret_variable)
{
	const char *value = first_set(&s->env, ret_variable);

	return value ? value : first_set(&s->also, ret_variable);
}
