/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret-store.h - brig-vault, as the command line uses it.
 */
#ifndef BRIG_CLI_SECRET_STORE_H
#define BRIG_CLI_SECRET_STORE_H

#include <stdbool.h>

struct buf;
struct err;
struct strv;

/*
 * Run brig-vault with these words; 'value' (may be NULL) goes to its standard input, its
 * answer is appended to 'answer'. It says itself what went wrong. Its exit status, or
 * -errno when it could not be run.
 */
int secret_vault(const struct strv *words, const struct buf *value, struct buf *answer,
	struct err *e);

/*
 * The caller's variable as a secret of this sandbox alone, when it is set and one of a known
 * service's: 1. 0 when there is nothing to store.
 */
int secret_store_from_env(const char *variable, const char *sandbox, struct err *e);

/* Has this sandbox, or one of its name before it, a secret of its own by this variable? */
bool secret_store_has_own(const char *variable, const char *sandbox);

/* Remove the secrets that were this sandbox's alone. */
int secret_store_forget(const char *sandbox, struct err *e);

#endif
