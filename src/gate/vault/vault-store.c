/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "gate/vault/vault-text.h"

#include <sys/file.h>

#define STORE_FILE "store.json"
#define STORE_ID   16U

const char *const vault_place_names[] = { "file", "service", "keyring", NULL };

const char *vault_place_text(int place)
{
	static const char *const texts[] = { "a file", "the Secret Service",
		"the kernel's keyring" };

	return place >= 0 && place < 3 ? texts[place] : "an unknown place";
}

static const struct json_field secret_fields[] = {
	JSON_FIELD(struct vault_secret, "name", JSON_STR, name, .flags = JSON_REQUIRED),
	JSON_FIELD(
		struct vault_secret, "hosts", JSON_STRV, hosts, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_secret, "env", JSON_STRV, env),
	JSON_FIELD(struct vault_secret, "sandbox", JSON_STR, sandbox),
	JSON_FIELD(struct vault_secret, "created", JSON_UINT, created),
	JSON_FIELD(struct vault_secret, "changed", JSON_UINT, changed),
	JSON_FIELD(struct vault_secret, "nonce", JSON_STR, nonce, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_secret, "tag", JSON_STR, tag, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_secret, "data", JSON_STR, data, .flags = JSON_REQUIRED),
	{ 0 },
};
static const struct json_schema secret_schema = { "secret", sizeof(struct vault_secret),
	secret_fields };

static const struct json_field store_fields[] = {
	JSON_FIELD(struct vault_store, "id", JSON_STR, id, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_store, "key", JSON_ENUM, key, .flags = JSON_REQUIRED,
		.names = vault_place_names),
	JSON_FIELD(struct vault_store, "check", JSON_STR, check, .flags = JSON_REQUIRED),
	JSON_FIELD(struct vault_store, "secrets", JSON_LIST, secrets,
		.flags = JSON_REQUIRED, .of = &secret_schema),
	{ 0 },
};
const struct json_schema vault_store_schema = { "store of secrets",
	sizeof(struct vault_store), store_fields };

void vault_store_clear(struct vault_store *s)
{
	json_struct_clear(&vault_store_schema, s);
}

int vault_store_dir(struct err *e)
{
	int fd = dirs_open(DIR_DATA, "secrets", e);

	return fd < 0 ? err_wrap(e, "store of secrets") : fd;
}

static bool is_hex(const char *text, size_t min, size_t max)
{
	size_t n = text ? strlen(text) : 0;

	return n >= min && n <= max && n % 2 == 0 &&
		strspn(text, "0123456789abcdef") == n;
}

static int check_store(const struct vault_store *s, struct err *e)
{
	if (!is_hex(s->id, STORE_ID, STORE_ID) || !is_hex(s->check, 16, 64))
		return err_set(e, EBADMSG, "store of secrets: 'id' or 'check' is wrong");
	if (s->secrets.n > VAULT_SECRETS_MAX)
		return err_set(e, EBADMSG, "store of secrets: more than %u entries",
			VAULT_SECRETS_MAX);
	for (size_t i = 0; i < s->secrets.n; i++) {
		const struct vault_secret *sec = vault_store_at(s, i);
		int r = vault_secret_check(sec, e);

		if (r < 0)
			return err_wrap(e, "store of secrets");
		if (!is_hex(sec->nonce, 24, 24) || !is_hex(sec->tag, 32, 32) ||
			!is_hex(sec->data, 2, VAULT_VALUE_MAX * 2))
			return err_set(e, EBADMSG, "store of secrets: '%s' was damaged",
				sec->name);
		if (vault_store_find(s, sec->name, sec->sandbox) != sec)
			return err_set(e, EBADMSG,
				"store of secrets: '%s' is there twice", sec->name);
	}
	return 0;
}

int vault_store_parse(
	const char *text, size_t len, struct vault_store *ret, struct err *e)
{
	auto_vault_store struct vault_store s = { 0 };
	auto_json struct json *j = NULL;
	int r;

	if (len == 0) {
		memset(ret, 0, sizeof(*ret));
		return 0;
	}
	r = json_parse(text, len, "store of secrets", &j, e);
	if (r == 0)
		r = json_to_struct(j, &vault_store_schema, &s, e);
	if (r == 0)
		r = check_store(&s, e);
	if (r < 0)
		return r;
	*ret = s;
	memset(&s, 0, sizeof(s));
	return 0;
}

/*
 * Should:  refuse a store that others may write: they could put an older one in its place.
 */
int vault_store_load(int dir, struct vault_store *ret, struct err *e)
{
	auto_fd int fd = openat(dir, STORE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_buf struct buf text = { .max = VAULT_STORE_MAX_BYTES + 65536 };
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open the store of secrets '%s'", STORE_FILE);
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		(void)err_set(e, EPERM,
			"the store of secrets belongs to user %u, mode %04o", st.st_uid,
			st.st_mode & 07777);
		err_hint(e, "it has to be yours, and writable by you alone (chmod 600)");
		return -EPERM;
	}
	r = file_read_fd(fd, STORE_FILE, VAULT_STORE_MAX_BYTES, &text, e);
	return r < 0 ? r : vault_store_parse(text.data, text.len, ret, e);
}

int vault_store_look(struct vault_store *ret, struct err *e)
{
	auto_free char *path = dirs_path_in(DIR_DATA, "secrets");
	auto_fd int dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct err why = { 0 };
	int r;

	if (dir < 0 && errno != ENOENT)
		return err_sys(e, "open '%s'", path ? path : "the store of secrets");
	r = dir < 0 ? -ENOENT : vault_store_load(dir, ret, &why);
	if (r == -ENOENT) {
		memset(ret, 0, sizeof(*ret));
		return 0;
	}
	if (r < 0 && e)
		*e = why;
	return r;
}

int vault_store_save(int dir, const struct vault_store *s, struct err *e)
{
	auto_json struct json *j = json_from_struct(&vault_store_schema, s);
	auto_buf struct buf text = { 0 };

	if (!j || json_print(j, true, &text) < 0)
		return err_set(e, ENOMEM, "store of secrets: out of memory");
	return file_replace(dir, STORE_FILE, text.data, text.len, 0600, FILE_DURABLE, e);
}

int vault_store_lock(int dir, struct err *e)
{
	auto_fd int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint64_t until = clock_mono_ns() + VAULT_LOCK_NS;

	if (fd < 0)
		return err_sys(e, "open the lock of the store of secrets");
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock the store of secrets");
		if (clock_mono_ns() > until)
			return err_set(e, ETIMEDOUT,
				"another brig has held the store of secrets for %llu "
				"seconds",
				VAULT_LOCK_NS / NS_PER_SEC);
		(void)usleep(5000);
	}
	return take_fd(&fd);
}

struct vault_secret *vault_store_find(
	const struct vault_store *s, const char *name, const char *sandbox)
{
	for (size_t i = 0; i < s->secrets.n; i++) {
		struct vault_secret *sec = vault_store_at(s, i);

		if (str_eq(sec->name, name) && str_eq(sec->sandbox, sandbox))
			return sec;
	}
	return NULL;
}

struct vault_secret *vault_store_pick(
	const struct vault_store *s, const char *name, const char *sandbox)
{
	struct vault_secret *own = sandbox ? vault_store_find(s, name, sandbox) : NULL;

	return own ? own : vault_store_find(s, name, NULL);
}

int vault_store_add(struct vault_store *s, struct vault_secret **ret, struct err *e)
{
	struct vault_secret *sec;

	if (s->secrets.n >= VAULT_SECRETS_MAX)
		return err_set(
			e, ENOSPC, "there are %u secrets already", VAULT_SECRETS_MAX);
	sec = json_list_add(&s->secrets, &secret_schema);
	if (!sec)
		return err_set(e, ENOMEM, "out of memory");
	*ret = sec;
	return 0;
}

void vault_store_remove(struct vault_store *s, struct vault_secret *sec)
{
	struct vault_secret *last = vault_store_at(s, s->secrets.n - 1);

	json_struct_clear(&secret_schema, sec);
	memmove(sec, sec + 1, (size_t)(last - sec) * sizeof(*sec));
	s->secrets.n--;
}

static int check_hosts(const struct vault_secret *s, struct err *e)
{
	size_t bytes = 0;

	if (s->hosts.n == 0 || s->hosts.n > VAULT_HOSTS_MAX)
		return err_set(e, EINVAL, "'%s' has %zu hosts, want 1 to %u", s->name,
			s->hosts.n, VAULT_HOSTS_MAX);
	for (size_t i = 0; i < s->hosts.n; i++) {
		auto_free char *form = NULL;
		int r = vault_host_normalise(s->hosts.v[i], &form, e);

		if (r < 0)
			return err_wrap(e, "'%s'", s->name);
		if (!str_eq(form, s->hosts.v[i]))
			return err_set(e, EINVAL, "'%s': host '%s' is written '%s'",
				s->name, s->hosts.v[i], form);
		bytes += strlen(form);
	}
	if (bytes > VAULT_HOSTS_BYTES)
		return err_set(e, EINVAL, "'%s': the hosts' names are too long", s->name);
	return 0;
}

int vault_secret_check(const struct vault_secret *s, struct err *e)
{
	int r = vault_name_check(s->name, e);

	if (r == 0)
		r = check_hosts(s, e);
	if (r == 0 && s->env.n > VAULT_ENV_MAX)
		r = err_set(e, EINVAL, "'%s' has %zu variables, at most %u", s->name,
			s->env.n, VAULT_ENV_MAX);
	for (size_t i = 0; i < s->env.n && r == 0; i++)
		r = vault_env_check(s->env.v[i], e);
	if (r == 0 && s->sandbox)
		r = vault_name_check(s->sandbox, e);
	return r;
}

static bool covered(const struct strv *outer, const char *inner)
{
	for (size_t i = 0; i < outer->n; i++)
		if (vault_host_covers(outer->v[i], inner))
			return true;
	return false;
}

int vault_secret_hosts(
	const struct vault_secret *s, const struct strv *narrow, struct strv *ret)
{
	const struct strv *from = narrow && narrow->n ? narrow : &s->hosts;

	for (size_t i = 0; i < from->n; i++)
		if (covered(&s->hosts, from->v[i]) && strv_add(ret, from->v[i]) < 0)
			return -ENOMEM;
	return 0;
}
