/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-key.h - the master key: where it is kept, and how it is held in memory.
 *
 * Kept in one of three places, recorded in the store of secrets:
 *
 *	service   the Secret Service (GNOME Keyring, KWallet, KeePassXC), by secret-tool(1):
 *	          locked with the login, not readable from a stolen disk or a backup
 *	file      $DATA/secrets/key, mode 0600: always works; as safe as the home directory
 *	keyring   the user's kernel keyring (keyrings(7)): never on a disk, and so lost,
 *	          with all secrets, when the machine restarts. Only when asked for
 *
 * In memory it is in one page of its own: locked, left out of core dumps, and zero in a
 * child after fork(2).
 */
#ifndef BRIG_GATE_VAULT_KEY_H
#define BRIG_GATE_VAULT_KEY_H

#include "base/auto.h"
#include "gate/vault/vault-seal.h"

struct err;
struct vault_store;

#define VAULT_SERVICE_WAIT_MS 3000 /* for secret-tool: it may ask the person */

/* No core dump of this process, and no other process of the user looks into it
 * (ptrace(2), /proc/PID/mem). */
int vault_harden(struct err *e);

struct vault_master {
	uint8_t *key; /* VAULT_KEY_LEN bytes; NULL: none */
};

int vault_master_new(struct vault_master *m, struct err *e);
void vault_master_free(struct vault_master *m); /* overwritten */
#define auto_vault_master AUTO(vault_master_free)

/*
 * Get the store's key from its place.
 *
 * Should:  tell a key that isn't this store's (its file was replaced) from the right one,
 *          and refuse a key file that others may read.
 */
int vault_key_get(
	int dir, const struct vault_store *s, struct vault_master *m, struct err *e);

/*
 * Make the key of a store that has none: the place is 'wish' (enum vault_place), or, when
 * that is negative, what $BRIG_SECRET_KEY says, or the Secret Service where it answers, or
 * a file. Fills the store's id, key and check; the caller saves it.
 */
int vault_key_make(
	int dir, int wish, struct vault_store *s, struct vault_master *m, struct err *e);

/* Put the key into another place, and record that; vault_key_drop() the old one when the
 * store is saved. */
int vault_key_move(int dir, int wish, struct vault_store *s, const struct vault_master *m,
	struct err *e);
void vault_key_drop(int dir, int place, const char *id);

/* $BRIG_SECRET_KEY or a word of the command line; negative for NULL and "". */
int vault_key_wish(const char *word, int *ret, struct err *e);

#endif
