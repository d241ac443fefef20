/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-verbs.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "gate/vault/trust-make.h"
#include "gate/vault/trust.h"
#include "gate/vault/vault-key.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-text.h"

/* The store, held against other writers, and its key. */
struct work {
	int dir, lock;
	struct vault_store store;
	struct vault_master master;
	int wish;  /* enum vault_place for the key; negative: no wish */
	bool made; /* the key is new: there was no store */
};

static void work_end(struct work *w)
{
	vault_master_free(&w->master);
	vault_store_clear(&w->store);
	if (w->lock >= 0)
		(void)close(w->lock);
	if (w->dir >= 0)
		(void)close(w->dir);
}

static int work_begin(struct work *w, struct err *e)
{
	struct err why = { 0 };
	int r;

	w->dir = vault_store_dir(e);
	w->lock = w->dir < 0 ? w->dir : vault_store_lock(w->dir, e);
	if (w->lock < 0)
		return w->lock;
	r = vault_store_load(w->dir, &w->store, &why);
	if (r == -ENOENT) {
		w->made = true;
		return 0;
	}
	if (r < 0)
		*e = why;
	return r;
}

static int get_key(struct work *w, struct err *e)
{
	int r = vault_master_new(&w->master, e);

	if (r < 0)
		return r;
	if (!w->made)
		return vault_key_get(w->dir, &w->store, &w->master, e);
	r = vault_key_make(w->dir, w->wish, &w->store, &w->master, e);
	return r < 0 ? r : vault_store_save(w->dir, &w->store, e);
}

#define WORK_INIT                                 \
	{                                         \
		.dir = -1, .lock = -1, .wish = -1 \
	}

static int read_value(int in, struct buf *value, struct err *e)
{
	int r = buf_reserve(value, VAULT_VALUE_MAX + 16384 + 16) < 0
		? err_set(e, ENOMEM, "out of memory")
		: file_read_fd(in, "standard input", VAULT_VALUE_MAX + 2, value, e);

	if (r == -EFBIG)
		return err_set(
			e, EINVAL, "the value is longer than %u bytes", VAULT_VALUE_MAX);
	if (r < 0)
		return r;
	if (value->len && value->data[value->len - 1] == '\n')
		value->data[--value->len] = '\0';
	if (value->len && value->data[value->len - 1] == '\r')
		value->data[--value->len] = '\0';
	return vault_value_check(value->data ? value->data : "", value->len, e);
}

static int set_hosts(struct vault_secret *s, const struct strv *hosts, struct err *e)
{
	strv_clear(&s->hosts);
	for (size_t i = 0; i < hosts->n; i++) {
		auto_free char *form = NULL;
		int r = vault_host_normalise(hosts->v[i], &form, e);

		if (r < 0)
			return r;
		if (!strv_has(&s->hosts, form) && strv_add(&s->hosts, form) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int set_env(struct vault_secret *s, const struct strv *env, struct err *e)
{
	strv_clear(&s->env);
	for (size_t i = 0; i < env->n; i++)
		if (!strv_has(&s->env, env->v[i]) && strv_add(&s->env, env->v[i]) < 0)
			return err_set(e, ENOMEM, "out of memory");
	return 0;
}

/* The entry, all of it but the value. */
static int describe(struct vault_store *store, const char *name,
	const struct vault_options *o, struct vault_secret **ret, struct err *e)
{
	struct vault_secret *s = vault_store_find(store, name, o->sandbox);
	uint64_t now = clock_real_ns();
	int r = 0;

	if (!s) {
		r = vault_store_add(store, &s, e);
		if (r == 0 &&
			(str_set(&s->name, name) < 0 ||
				str_set(&s->sandbox, o->sandbox) < 0))
			r = err_set(e, ENOMEM, "out of memory");
		if (r == 0)
			s->created = now;
	}
	if (r == 0)
		s->changed = now;
	if (r == 0 && o->hosts.n)
		r = set_hosts(s, &o->hosts, e);
	if (r == 0 && o->env.n)
		r = set_env(s, &o->env, e);
	if (r == 0 && s->hosts.n == 0) {
		(void)err_set(e, EINVAL, "'%s' needs a host it may be sent to", name);
		err_hint(e, "brig secret set %s --host api.example.com --env VARIABLE",
			name);
		return -EINVAL;
	}
	*ret = s;
	return r < 0 ? r : vault_secret_check(s, e);
}

/*
 * What stays of an entry that is rotated must be what was sealed: hosts that were edited by
 * hand would become good with the new value.
 */
static int check_old(struct work *w, const struct vault_secret *s,
	const struct vault_options *o, struct err *e)
{
	auto_wiped struct buf value = { 0 };
	struct err why = { 0 };

	if ((o->hosts.n && o->env.n) ||
		vault_secret_open(w->master.key, s, &value, &why) == 0)
		return 0;
	*e = why;
	err_hint(e, "remove it, and set it anew: brig secret rm %s", s->name);
	return -why.code;
}

static int set_entry(struct work *w, const char *name, const struct vault_options *o,
	struct vault_secret **ret, struct err *e)
{
	struct vault_secret *s = vault_store_find(&w->store, name, o->sandbox);
	int r;

	if (w->made) {
		/* wrong words should fail before a key is made; and that is saved without an
		 * entry that has no value yet */
		r = describe(&w->store, name, o, &s, e);
		vault_store_clear(&w->store);
		if (r < 0)
			return r;
		s = NULL;
	}
	r = get_key(w, e);
	if (r == 0 && s)
		r = check_old(w, s, o, e);
	return r < 0 ? r : describe(&w->store, name, o, ret, e);
}

static int say_set(struct buf *out, const struct work *w, const struct vault_secret *s,
	bool rotated, bool moved)
{
	return buf_addf(out,
		"{\"name\":\"%s\",\"rotated\":%s,\"key\":\"%s\",\"made\":%s,\"moved\":%s}"
		"\n",
		s->name, rotated ? "true" : "false", vault_place_names[w->store.key],
		w->made ? "true" : "false", moved ? "true" : "false");
}

int vault_verb_set(const char *name, const struct vault_options *o, int in,
	struct buf *out, struct err *e)
{
	AUTO(work_end) struct work w = WORK_INIT;
	auto_wiped struct buf value = { 0 };
	struct vault_secret *s = NULL;
	int old, r = vault_key_wish(o->keep, &w.wish, e);
	bool rotated, moved;

	if (r == 0)
		r = vault_name_check(name, e);
	if (r == 0)
		r = read_value(in, &value, e);
	if (r == 0)
		r = work_begin(&w, e);
	if (r < 0)
		return r;
	rotated = vault_store_find(&w.store, name, o->sandbox) != NULL;
	r = set_entry(&w, name, o, &s, e);
	old = w.store.key;
	moved = r == 0 && w.wish >= 0 && w.wish != old;
	if (moved)
		r = vault_key_move(w.dir, w.wish, &w.store, &w.master, e);
	if (r == 0)
		r = vault_secret_seal(w.master.key, s, &value, e);
	if (r == 0)
		r = vault_store_save(w.dir, &w.store, e);
	if (r == 0 && moved)
		vault_key_drop(w.dir, old, w.store.id);
	return r < 0 ? r : say_set(out, &w, s, rotated, moved);
}

static int no_such(const struct vault_store *s, const char *name,
	const struct vault_options *o, struct err *e)
{
	const char *names[VAULT_SECRETS_MAX], *near;
	auto_free char *shown = str_escape(name);
	size_t n = 0;

	for (size_t i = 0; i < s->secrets.n; i++)
		if (str_eq(vault_store_at(s, i)->sandbox, o->sandbox))
			names[n++] = vault_store_at(s, i)->name;
	near = str_nearest(name, names, n);
	(void)err_set(e, ENOENT, "there is no secret '%s'%s%s%s", shown ? shown : "?",
		o->sandbox ? " of sandbox '" : "", o->sandbox ? o->sandbox : "",
		o->sandbox ? "'" : "");
	if (near)
		err_hint(e, "did you mean '%s'?", near);
	else
		err_hint(e, "brig secret ls shows those that are stored");
	return -ENOENT;
}

int vault_verb_rm(
	char *const *names, const struct vault_options *o, struct buf *out, struct err *e)
{
	AUTO(work_end) struct work w = WORK_INIT;
	auto_json struct json *list = json_new_array(), *j = json_new_object();
	int r = work_begin(&w, e);

	for (char *const *n = names; *n && r == 0; n++)
		if (!vault_store_find(&w.store, *n, o->sandbox))
			r = no_such(&w.store, *n, o, e);
	for (char *const *n = names; *n && r == 0; n++) {
		struct vault_secret *s = vault_store_find(&w.store, *n, o->sandbox);

		if (s) /* or it was named twice */
			vault_store_remove(&w.store, s);
		if (json_append(list, json_new_str(*n)) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	if (r == 0)
		r = vault_store_save(w.dir, &w.store, e);
	if (r == 0 &&
		(json_add(j, "removed", take_ptr(&list)) < 0 ||
			json_print(j, false, out) < 0))
		r = err_set(e, ENOMEM, "out of memory");
	return r;
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

static struct json *list_one(const struct vault_secret *s, const uint8_t *master)
{
	auto_wiped struct buf value = { 0 };
	auto_json struct json *j = json_new_object();
	struct err why = { 0 };
	int r = vault_secret_open(master, s, &value, &why);

	if (json_add_str(j, "name", s->name) < 0 ||
		json_add(j, "hosts", strings(&s->hosts)) < 0 ||
		json_add(j, "env", strings(&s->env)) < 0 ||
		json_add_str(j, "sandbox", s->sandbox) < 0 ||
		json_add(j, "sound", json_new_bool(r == 0)) < 0)
		return NULL;
	return take_ptr(&j);
}

int vault_verb_ls(struct buf *out, struct err *e)
{
	AUTO(work_end) struct work w = WORK_INIT;
	auto_json struct json *j = json_new_object(), *list = json_new_array();
	int r = work_begin(&w, e);

	if (r == 0 && !w.made)
		r = get_key(&w, e);
	for (size_t i = 0; i < w.store.secrets.n && r == 0; i++)
		if (json_append(list,
			    list_one(vault_store_at(&w.store, i), w.master.key)) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	if (r < 0)
		return r;
	if (json_add_str(j, "key", w.made ? NULL : vault_place_names[w.store.key]) < 0 ||
		json_add(j, "secrets", take_ptr(&list)) < 0 ||
		json_print(j, true, out) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

int vault_verb_mint(const char *path, struct err *e)
{
	AUTO(work_end) struct work w = WORK_INIT;
	int r = work_begin(&w, e);

	if (r == 0)
		r = get_key(&w, e);
	/* making one takes a while: others may write meanwhile */
	if (r == 0)
		(void)close(take_fd(&w.lock));
	return r < 0 ? r : trust_make(path, w.master.key, e);
}

int vault_verb_jks(const char *path, struct err *e)
{
	auto_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(e, "open '%s'", path);
	return trust_make_jks(dir, e) < 0 ? err_wrap(e, "'%s'", path) : 0;
}

int vault_verb_pool(struct err *e)
{
	AUTO(work_end) struct work w = WORK_INIT;
	int r = work_begin(&w, e);

	if (r == 0)
		r = get_key(&w, e);
	if (r == 0)
		(void)close(take_fd(&w.lock));
	return r < 0 ? r : trust_fill_pool(w.store.id, w.master.key, e);
}
