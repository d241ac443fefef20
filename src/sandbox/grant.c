/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/grant.h"

#include "base/buf.h"
#include "base/err.h"
#include "gate/vault/vault-service.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-text.h"

#include <sys/random.h>

static const struct json_field grant_fields[] = {
	JSON_FIELD(struct grant, "secret", JSON_STR, secret, .flags = JSON_REQUIRED),
	JSON_FIELD(struct grant, "env", JSON_STRV, env),
	JSON_FIELD(struct grant, "sentinel", JSON_STR, sentinel, .flags = JSON_REQUIRED),
	JSON_FIELD(struct grant, "hosts", JSON_STRV, hosts),
	{ 0 },
};
const struct json_schema grant_schema = { "grant", sizeof(struct grant), grant_fields };

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

/* Letters and digits only: they stay as they are in URLs, JSON, shells and Basic. */
int grant_sentinel(const char *prefix, size_t length, char **ret, struct err *e)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t start = strlen(prefix);
	size_t n = length > GRANT_RANDOM_MIN ? length : GRANT_RANDOM_MIN;
	auto_free char *text = malloc(start + n + 1);

	if (!text)
		return no_memory(e);
	memcpy(text, prefix, start);
	for (size_t i = 0; i < n;) {
		unsigned char byte;

		if (getrandom(&byte, 1, 0) != 1)
			return err_sys(e, "random numbers");
		/* 248 is four times 62: no letter comes more often than another */
		if (byte < 248)
			text[start + i++] = letters[byte % 62];
	}
	text[start + n] = '\0';
	*ret = take_ptr(&text);
	return 0;
}

static int add(struct json_list *grants, const struct vault_secret *s,
	const struct strv *env, const struct vault_services *known, struct err *e)
{
	const struct vault_service *service = vault_service_find(known, s->name);
	struct grant *g;

	if (!service && env->n)
		service = vault_service_by_env(known, env->v[0]);
	if (grants->n >= GRANTS_MAX)
		return err_set(
			e, E2BIG, "more than %u secrets for one sandbox", GRANTS_MAX);
	g = json_list_add(grants, &grant_schema);
	if (!g || str_set(&g->secret, s->name) < 0 || strv_add_all(&g->env, env->v) < 0)
		return no_memory(e);
	return grant_sentinel(service && service->prefix ? service->prefix
			: service                        ? ""
							 : GRANT_PREFIX_OTHER,
		service ? service->length : 0, &g->sentinel, e);
}

bool grants_have_env(const struct json_list *grants, const char *variable)
{
	for (size_t i = 0; i < grants->n; i++)
		if (strv_has(&grant_at(grants, i)->env, variable))
			return true;
	return false;
}

static bool have_secret(const struct json_list *grants, const char *name)
{
	for (size_t i = 0; i < grants->n; i++)
		if (str_eq(grant_at(grants, i)->secret, name))
			return true;
	return false;
}

static int not_stored(const struct vault_store *store, const char *name,
	const struct vault_services *known, struct err *e)
{
	const char *names[VAULT_SECRETS_MAX], *near;
	auto_free char *shown = str_escape(name);
	size_t n = 0;

	for (; n < store->secrets.n; n++)
		names[n] = vault_store_at(store, n)->name;
	near = str_nearest(name, names, n);
	(void)err_set(e, ENOENT, "there is no secret '%.80s' for this sandbox",
		shown ? shown : "?");
	if (near && !str_eq(near, name))
		err_hint(e, "did you mean '%s'?", near);
	else if (vault_service_find(known, name))
		err_hint(e, "brig secret set %s", name);
	else
		err_hint(e, "brig secret ls shows those that are stored");
	return -ENOENT;
}

/* NAME or NAME=VARIABLE. */
static int add_wanted(struct json_list *grants, const char *text, const char *sandbox,
	const struct vault_store *store, struct err *e)
{
	auto_vault_services struct vault_services known = { 0 };
	const char *equals = strchr(text, '=');
	auto_free char *name =
		equals ? strndup(text, (size_t)(equals - text)) : strdup(text);
	auto_strv struct strv one = { 0 };
	const struct vault_secret *s;
	const struct strv *env = &one;
	int r;

	if (!name || (equals && strv_add(&one, equals + 1) < 0))
		return no_memory(e);
	r = vault_services_load(&known, e);
	if (r == 0)
		r = vault_name_check(name, e);
	if (r == 0 && equals)
		r = vault_env_check(equals + 1, e);
	if (r < 0)
		return r;
	s = vault_store_pick(store, name, sandbox);
	if (!s)
		return not_stored(store, name, &known, e);
	if (!equals)
		env = &s->env;
	if (env->n == 0) {
		(void)err_set(e, EINVAL, "secret '%s' has no variable", name);
		err_hint(e, "--secret %s=VARIABLE", name);
		return -EINVAL;
	}
	if (have_secret(grants, name))
		return err_set(e, EINVAL, "secret '%s' was given twice", name);
	for (size_t i = 0; i < env->n; i++)
		if (grants_have_env(grants, env->v[i]))
			return err_set(e, EINVAL, "two secrets are for the variable '%s'",
				env->v[i]);
	return add(grants, s, env, &known, e);
}

int grants_add(struct json_list *grants, const struct strv *wanted, const char *sandbox,
	struct err *e)
{
	auto_vault_store struct vault_store store = { 0 };
	int r = wanted->n ? vault_store_look(&store, e) : 0;

	for (size_t i = 0; i < wanted->n && r == 0; i++)
		r = add_wanted(grants, wanted->v[i], sandbox, &store, e);
	return r;
}

/* How well a stored secret suits: 0 not at all. */
static int suits(const struct vault_secret *s, const char *variable, const char *sandbox,
	const struct vault_services *known)
{
	const struct vault_service *service = vault_service_by_env(known, variable);

	if (!strv_has(&s->env, variable) || (s->sandbox && !str_eq(s->sandbox, sandbox)))
		return 0;
	return 1 + 2 * (s->sandbox != NULL) + (service && str_eq(service->name, s->name));
}

static const struct vault_secret *best(const struct vault_store *store,
	const char *variable, const char *sandbox, const struct vault_services *known)
{
	const struct vault_secret *found = NULL;
	int most = 0;

	for (size_t i = 0; i < store->secrets.n; i++) {
		const struct vault_secret *s = vault_store_at(store, i);
		int n = suits(s, variable, sandbox, known);

		if (n > most) {
			most = n;
			found = s;
		}
	}
	return found;
}

/* Those of its variables that no other grant sets. */
static int add_default(struct json_list *grants, const struct vault_secret *s,
	const struct vault_services *known, struct err *e)
{
	auto_strv struct strv env = { 0 };

	if (have_secret(grants, s->name))
		return 0;
	for (size_t i = 0; i < s->env.n; i++)
		if (!grants_have_env(grants, s->env.v[i]) &&
			strv_add(&env, s->env.v[i]) < 0)
			return no_memory(e);
	return add(grants, s, &env, known, e);
}

int grants_default(struct json_list *grants, const struct strv *recipe_env,
	const char *sandbox, struct err *e)
{
	auto_vault_store struct vault_store store = { 0 };
	auto_vault_services struct vault_services known = { 0 };
	int r = vault_store_look(&store, e);

	if (r < 0 || store.secrets.n == 0)
		return r;
	r = vault_services_load(&known, e);
	for (size_t i = 0; i < recipe_env->n && r == 0; i++) {
		const char *name = recipe_env->v[i];
		const struct vault_secret *s;

		if (strchr(name, '=') || grants_have_env(grants, name))
			continue;
		s = best(&store, name, sandbox, &known);
		if (s)
			r = add_default(grants, s, &known, e);
	}
	return r;
}

int grants_env(const struct json_list *grants, struct strv *ret)
{
	for (size_t i = 0; i < grants->n; i++) {
		const struct grant *g = grant_at(grants, i);

		for (size_t k = 0; k < g->env.n; k++)
			if (strv_addf(ret, "%s=%s", g->env.v[k], g->sentinel) < 0)
				return -ENOMEM;
	}
	return 0;
}

static struct json *strings(const struct strv *v)
{
	struct json *a = json_new_array();

	for (size_t i = 0; a && i < v->n; i++)
		if (json_append(a, json_new_str(v->v[i])) < 0) {
			json_free(a);
			return NULL;
		}
	return a;
}

static struct json *grant_json(const struct grant *g)
{
	auto_json struct json *j = json_new_object();

	if (!j || json_add_str(j, "secret", g->secret) < 0 ||
		json_add_str(j, "sentinel", g->sentinel) < 0 ||
		json_add(j, "hosts", strings(&g->hosts)) < 0)
		return NULL;
	return take_ptr(&j);
}

int grants_config(const struct json_list *grants, const char *sandbox, const char *ca_dir,
	char **ret, struct err *e)
{
	auto_json struct json *j = json_new_object(), *list = json_new_array();
	auto_buf struct buf text = { 0 };

	for (size_t i = 0; i < grants->n; i++)
		if (json_append(list, grant_json(grant_at(grants, i))) < 0)
			return no_memory(e);
	if (!j || json_add(j, "grants", take_ptr(&list)) < 0 ||
		json_add_str(j, "sandbox", sandbox) < 0 ||
		json_add_str(j, "ca", ca_dir) < 0 || json_print(j, false, &text) < 0)
		return no_memory(e);
	*ret = buf_take(&text);
	return 0;
}

int grants_hosts(const struct json_list *grants, const char *sandbox, struct strv *ret,
	struct err *e)
{
	auto_vault_store struct vault_store store = { 0 };
	int r = grants->n ? vault_store_look(&store, e) : 0;

	for (size_t i = 0; i < grants->n && r == 0; i++) {
		const struct grant *g = grant_at(grants, i);
		const struct vault_secret *s =
			vault_store_pick(&store, g->secret, sandbox);
		auto_strv struct strv hosts = { 0 };

		if (s && vault_secret_hosts(s, &g->hosts, &hosts) < 0)
			return no_memory(e);
		for (size_t k = 0; k < hosts.n && r == 0; k++)
			if (!strv_has(ret, hosts.v[k]) && strv_add(ret, hosts.v[k]) < 0)
				r = no_memory(e);
	}
	return r;
}
