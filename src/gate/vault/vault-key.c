/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-key.h"

#include "base/err.h"
#include "gate/vault/vault-place.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-text.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Bytes of the key that says whether a master key is the store's. */
#define CHECK_LEN 8U

static const struct vault_keep *const places[] = {
	[VAULT_PLACE_FILE] = &vault_place_file,
	[VAULT_PLACE_SERVICE] = &vault_place_service,
	[VAULT_PLACE_KEYRING] = &vault_place_keyring,
};

int vault_harden(struct err *e)
{
	static const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(e, "forbid core dumps");
#ifndef __SANITIZE_ADDRESS__
	/* the leak checker looks into it, and waits for ever when it can't */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(e, "forbid core dumps");
#endif
	return 0;
}

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int vault_master_new(struct vault_master *m, struct err *e)
{
	void *at = mmap(
		NULL, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return err_sys(e, "memory for the master key");
	/* a limit on locked memory may forbid the first; it is a wish, as swap may be off */
	(void)mlock(at, page());
	if (madvise(at, page(), MADV_DONTDUMP) < 0 ||
		madvise(at, page(), MADV_WIPEONFORK) < 0) {
		(void)munmap(at, page());
		return err_sys(e, "memory for the master key");
	}
	m->key = at;
	return 0;
}

void vault_master_free(struct vault_master *m)
{
	if (!m->key)
		return;
	explicit_bzero(m->key, VAULT_KEY_LEN);
	(void)munmap(m->key, page());
	m->key = NULL;
}

static int make_check(const struct vault_store *s, const struct vault_master *m,
	char **ret, struct err *e)
{
	uint8_t key[VAULT_KEY_LEN];
	int r = vault_derive(
		m->key, &(struct vault_purpose){ "check", s->id, NULL }, key, e);

	if (r < 0)
		return r;
	*ret = vault_to_hex(key, CHECK_LEN);
	return *ret ? 0 : err_set(e, ENOMEM, "out of memory");
}

int vault_key_get(
	int dir, const struct vault_store *s, struct vault_master *m, struct err *e)
{
	auto_free char *check = NULL;
	int r = s->id ? places[s->key]->get(dir, s->id, m->key, e)
		      : err_set(e, ENOENT, "there is none yet");

	if (r == 0)
		r = make_check(s, m, &check, e);
	if (r == 0 && !str_eq(check, s->check)) {
		r = err_set(e, EKEYREJECTED,
			"it isn't the one that the secrets were sealed with");
		err_hint(e,
			"restore $DATA/secrets as a whole, or remove it and set the "
			"secrets again");
	}
	return r < 0 ? err_wrap(e, "master key in %s", vault_place_text(s->key)) : 0;
}

int vault_key_wish(const char *word, int *ret, struct err *e)
{
	*ret = -1;
	if (!word || !*word)
		return 0;
	for (int i = 0; vault_place_names[i]; i++)
		if (strcmp(vault_place_names[i], word) == 0) {
			*ret = i;
			return 0;
		}
	return err_set(e, EINVAL,
		"'%.40s' is no place for the master key: write service, keyring or file",
		word);
}

static int put(int dir, int place, const struct vault_store *s,
	const struct vault_master *m, struct err *e)
{
	int r = places[place]->put(dir, s->id, m->key, e);

	return r < 0 ? err_wrap(e, "keep the master key in %s", vault_place_text(place))
		     : 0;
}

/* Nobody said where: the Secret Service, if it takes the key and gives it back. */
static int choose(
	int dir, struct vault_store *s, const struct vault_master *m, struct err *e)
{
	struct err quiet;

	if (vault_service_likely() && put(dir, VAULT_PLACE_SERVICE, s, m, &quiet) == 0)
		s->key = VAULT_PLACE_SERVICE;
	else
		s->key = VAULT_PLACE_FILE;
	return s->key == VAULT_PLACE_FILE ? put(dir, s->key, s, m, e) : 0;
}

int vault_key_make(
	int dir, int wish, struct vault_store *s, struct vault_master *m, struct err *e)
{
	uint8_t id[8];
	int r = vault_random(id, sizeof(id), e);

	if (r == 0)
		r = vault_random(m->key, VAULT_KEY_LEN, e);
	if (r == 0 && wish < 0)
		r = vault_key_wish(getenv("BRIG_SECRET_KEY"), &wish, e);
	if (r < 0)
		return r;
	free(s->id);
	s->id = vault_to_hex(id, sizeof(id));
	if (!s->id)
		return err_set(e, ENOMEM, "out of memory");
	if (wish >= 0)
		s->key = wish;
	r = wish < 0 ? choose(dir, s, m, e) : put(dir, wish, s, m, e);
	if (r < 0)
		return r;
	free(take_ptr(&s->check));
	return make_check(s, m, &s->check, e);
}

int vault_key_move(int dir, int wish, struct vault_store *s, const struct vault_master *m,
	struct err *e)
{
	int r = put(dir, wish, s, m, e);

	if (r == 0)
		s->key = wish;
	return r;
}

void vault_key_drop(int dir, int place, const char *id)
{
	places[place]->drop(dir, id);
}
