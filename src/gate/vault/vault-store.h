/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-store.h - the file of stored secrets: what is in clear in it, and the ways to change it.
 *
 * $DATA/secrets/store.json lists the secrets: name, hosts, variables and scope in clear,
 * the value sealed (vault-seal.h). What is in clear is bound to the value as associated
 * data, so an entry whose hosts were edited by hand doesn't open any more. Nothing here
 * needs a key or OpenSSL: command line and keeper read what is in clear with it.
 *
 * The file is replaced whole; who changes it holds vault_store_lock() from before reading.
 */
#ifndef BRIG_GATE_VAULT_STORE_H
#define BRIG_GATE_VAULT_STORE_H

#include "base/json.h"
#include "base/str.h"

struct err;

#define VAULT_STORE_MAX_BYTES ((size_t)16 << 20)
#define VAULT_SECRETS_MAX     256U
#define VAULT_LOCK_NS         10000000000ULL /* how long to wait for another writer */

/* Where the master key is. */
enum vault_place { VAULT_PLACE_FILE, VAULT_PLACE_SERVICE, VAULT_PLACE_KEYRING };
extern const char *const vault_place_names[]; /* "file", "service", "keyring", NULL */
const char *vault_place_text(int place);      /* "the Secret Service" */

struct vault_secret {
	char *name;
	struct strv hosts;         /* name patterns (name.h) and addresses, normalised */
	struct strv env;           /* the variables that hold it, most often one */
	char *sandbox;             /* the only one that may have it; NULL: any */
	uint64_t created, changed; /* ns since the epoch */
	char *nonce, *tag, *data;  /* in hex; data is the sealed value */
};

struct vault_store {
	char *id;    /* 16 hex digits, made with the master key */
	int key;     /* enum vault_place */
	char *check; /* hex: tells another key from the right one (vault-key.h) */
	struct json_list secrets; /* of struct vault_secret */
};

extern const struct json_schema vault_store_schema;

void vault_store_clear(struct vault_store *s);
#define auto_vault_store AUTO(vault_store_clear)

/* $DATA/secrets, made when it isn't there. Returns a descriptor. */
int vault_store_dir(struct err *e);

/* -ENOENT when there is none yet. */
int vault_store_load(int dir, struct vault_store *ret, struct err *e);

/* As above, but without making anything on disk: nothing there is an empty store. */
int vault_store_look(struct vault_store *ret, struct err *e);

/* No bytes are an empty store. Checks every entry's fields. */
int vault_store_parse(
	const char *text, size_t len, struct vault_store *ret, struct err *e);

int vault_store_save(int dir, const struct vault_store *s, struct err *e);

/* Keep other writers out until the descriptor is closed. -ETIMEDOUT. */
int vault_store_lock(int dir, struct err *e);

static inline struct vault_secret *vault_store_at(const struct vault_store *s, size_t i)
{
	return i < s->secrets.n ? (struct vault_secret *)s->secrets.items + i : NULL;
}

/* The entry of just this scope (NULL: any sandbox's). */
struct vault_secret *vault_store_find(
	const struct vault_store *s, const char *name, const char *sandbox);

/* The entry that sandbox 'sandbox' gets: its own, else the one for any. */
struct vault_secret *vault_store_pick(
	const struct vault_store *s, const char *name, const char *sandbox);

/* -ENOSPC past VAULT_SECRETS_MAX. */
int vault_store_add(struct vault_store *s, struct vault_secret **ret, struct err *e);
void vault_store_remove(struct vault_store *s, struct vault_secret *sec);

/* All of an entry that is in clear. */
int vault_secret_check(const struct vault_secret *s, struct err *e);

/*
 * Where the secret may go, of the hosts that it is bound to: all of them, or those that
 * 'narrow' (NULL or empty: all) has too.
 *
 * Mustn't: give a host that isn't covered by one the secret is bound to.
 */
int vault_secret_hosts(
	const struct vault_secret *s, const struct strv *narrow, struct strv *ret);

#endif
