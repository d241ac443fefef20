/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-secrets.h"

#include "base/err.h"
#include "base/json.h"
#include "base/parcel.h"
#include "gate/exchange-check.h"
#include "gate/policy/name.h"
#include "gate/roles.h"

#include <openssl/crypto.h>

static void free_wiped(char *s)
{
	if (s)
		OPENSSL_cleanse(s, strlen(s));
	free(s);
}

static void secret_clear(struct inject_secret *s)
{
	free(s->name);
	free(s->sentinel);
	free_wiped(s->value);
	strv_clear(&s->hosts);
}

struct inject_secrets *inject_secrets_ref(struct inject_secrets *s)
{
	if (s)
		s->refs++;
	return s;
}

void inject_secrets_unref(struct inject_secrets *s)
{
	if (!s || --s->refs)
		return;
	for (size_t i = 0; i < s->n; i++)
		secret_clear(&s->v[i]);
	free(s->v);
	free(s);
}

bool inject_secret_granted(const struct inject_secret *s, const char *host)
{
	for (size_t i = 0; i < s->hosts.n; i++)
		if (name_matches(s->hosts.v[i], host))
			return true;
	return false;
}

struct inject_secret *inject_secrets_find(
	const struct inject_secrets *s, const char *text, size_t len, size_t *ret_at)
{
	struct inject_secret *found = NULL;
	size_t found_len = 0;

	for (size_t i = 0; s && i < s->n; i++) {
		size_t n = strlen(s->v[i].sentinel);
		const char *p = memmem(text, len, s->v[i].sentinel, n);
		size_t at = p ? (size_t)(p - text) : 0;

		if (!p || (found && (at > *ret_at || (at == *ret_at && n < found_len))))
			continue;
		found = &s->v[i];
		found_len = n;
		*ret_at = at;
	}
	return found;
}

/* What secrets are made of: nothing of theirs may end a header or begin another one. */
static bool is_good(const struct inject_secret *s)
{
	size_t n = s->sentinel ? strlen(s->sentinel) : 0;

	return s->name && *s->name && exchange_is_value(s->name) &&
		n >= INJECT_SENTINEL_MIN && n <= INJECT_SENTINEL_MAX &&
		exchange_is_value(s->sentinel) && s->value && *s->value &&
		exchange_is_value(s->value);
}

static int read_hosts(const struct json *list, struct strv *to)
{
	char pattern[NAME_MAX_LEN + 4];
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_len(list); i++) {
		const char *text = json_str(json_at(list, i));

		r = text ? name_pattern_normalise(text, strlen(text), pattern) : -EINVAL;
		if (r == 0)
			r = strv_add(to, pattern);
	}
	return r;
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int read_secret(const struct json *j, struct inject_secret *s)
{
	s->name = copy(json_get_str(j, "name"));
	s->sentinel = copy(json_get_str(j, "sentinel"));
	s->value = copy(json_get_str(j, "value"));
	return is_good(s) ? read_hosts(json_get(j, "hosts"), &s->hosts) : -EPROTO;
}

/* That a secret has been used is known by its name, over rotations. */
static bool was_used(const struct inject_secrets *s, const char *name)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (strcmp(s->v[i].name, name) == 0)
			return s->v[i].used;
	return false;
}

static int add(struct inject_secrets_feed *f, struct parcel *p, struct err *e)
{
	auto_json struct json *j = NULL;
	struct inject_secrets *s = f->next;
	struct inject_secret *v;
	char *value;
	int r;

	if (!s || s->n == INJECT_SECRETS_MAX)
		return err_set(e, EPROTO, "vault: a secret that has no place");
	r = json_parse(p->data, p->len, "vault", &j, e);
	if (r < 0)
		return r;
	v = reallocarray(s->v, s->n + 1, sizeof(*v));
	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	s->v = v;
	v += s->n;
	*v = (struct inject_secret){ 0 };
	r = read_secret(j, v);
	value = (char *)(uintptr_t)json_get_str(j, "value");
	if (value)
		OPENSSL_cleanse(value, strlen(value));
	if (r < 0) {
		secret_clear(v);
		return err_set(e, EPROTO, "vault: a secret that can't be used");
	}
	v->used = was_used(f->now, v->name);
	s->n++;
	return 0;
}

static int begin(struct inject_secrets_feed *f, struct err *e)
{
	inject_secrets_unref(f->next);
	f->next = calloc(1, sizeof(*f->next));
	if (!f->next)
		return err_set(e, ENOMEM, "out of memory");
	f->next->refs = 1;
	return 0;
}

static int end(struct inject_secrets_feed *f, struct err *e)
{
	if (!f->next)
		return err_set(e, EPROTO, "vault: an end without a beginning");
	inject_secrets_unref(f->now);
	f->now = take_ptr(&f->next);
	return 1;
}

int inject_secrets_parcel(struct inject_secrets_feed *f, struct parcel *p, struct err *e)
{
	int r;

	if (p->type == VAULT_SECRETS_BEGIN)
		r = begin(f, e);
	else if (p->type == VAULT_SECRET)
		r = add(f, p, e);
	else if (p->type == VAULT_SECRETS_END)
		r = end(f, e);
	else
		r = err_set(e, EPROTO, "vault: message %u is none of its", p->type);
	OPENSSL_cleanse(p->room, sizeof(p->room));
	return r;
}

void inject_secrets_feed_clear(struct inject_secrets_feed *f)
{
	inject_secrets_unref(f->now);
	inject_secrets_unref(f->next);
	*f = (struct inject_secrets_feed){ 0 };
}
