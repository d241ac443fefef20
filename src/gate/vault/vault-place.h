/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-place.h - putting a master key into each place and getting it back.
 *
 * 'id' is the store's, so that several stores of one user keep apart. Keys are in hex where
 * the place holds text.
 */
#ifndef BRIG_GATE_VAULT_PLACE_H
#define BRIG_GATE_VAULT_PLACE_H

#include "gate/vault/vault-seal.h"

#include <stdbool.h>

struct err;

struct vault_keep {
	/* -ENOENT when the place works and has no such key */
	int (*get)(int dir, const char *id, uint8_t *key, struct err *e);
	int (*put)(int dir, const char *id, const uint8_t *key, struct err *e);
	void (*drop)(int dir, const char *id);
};

extern const struct vault_keep vault_place_file, vault_place_service, vault_place_keyring;

/* Might there be a Secret Service: a session's bus, and secret-tool on PATH? */
bool vault_service_likely(void);

#endif
