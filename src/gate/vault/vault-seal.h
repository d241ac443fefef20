/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-seal.h - sealing bytes under the master key: AES-256-GCM with a key for each thing.
 *
 * The key of a thing is HKDF-SHA256 (RFC 5869) of the master key; what goes into it is the
 * kind of thing, its name and its scope. So a value can't be moved to another name, and
 * who holds one thing's key has that thing alone. The nonce is random: a key seals few
 * values (one for each time a secret is set), far from where 96 bits collide.
 */
#ifndef BRIG_GATE_VAULT_SEAL_H
#define BRIG_GATE_VAULT_SEAL_H

#include "base/buf.h"

struct err;
struct vault_secret;

#define VAULT_KEY_LEN   32U
#define VAULT_NONCE_LEN 12U
#define VAULT_TAG_LEN   16U

struct vault_box {
	uint8_t nonce[VAULT_NONCE_LEN], tag[VAULT_TAG_LEN];
	struct buf data;
};

/* Call before a promise, and before anything else here: OpenSSL gets what it will need,
 * without its configuration file. */
int vault_crypto_init(struct err *e);

/* 'kind' and 'name' give the key's purpose; 'scope' may be NULL. */
struct vault_purpose {
	const char *kind, *name, *scope;
};
int vault_derive(const uint8_t master[VAULT_KEY_LEN], const struct vault_purpose *p,
	uint8_t key[VAULT_KEY_LEN], struct err *e);

int vault_seal(const uint8_t key[VAULT_KEY_LEN], const struct buf *aad,
	const struct buf *plain, struct vault_box *ret, struct err *e);

/* -EBADMSG when box, 'aad' or key aren't what they were at sealing. */
int vault_open(const uint8_t key[VAULT_KEY_LEN], const struct buf *aad,
	const struct vault_box *box, struct buf *ret, struct err *e);

/*
 * Seal a value into an entry, or open it again; the entry's name, hosts, variables, scope
 * and times are bound to it.
 *
 * Should:  fail with -EBADMSG when any of these was changed without the key.
 */
int vault_secret_seal(const uint8_t master[VAULT_KEY_LEN], struct vault_secret *s,
	const struct buf *value, struct err *e);
int vault_secret_open(const uint8_t master[VAULT_KEY_LEN], const struct vault_secret *s,
	struct buf *ret, struct err *e);

/* Overwrite the bytes, then free them. For buffers that never grew: room first. */
void vault_wipe(struct buf *b);
#define auto_wiped AUTO(vault_wipe)

/* Numbers that nobody guesses. */
int vault_random(void *to, size_t len, struct err *e);

#endif
