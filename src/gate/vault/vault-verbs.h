/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-verbs.h - what brig-vault does for the command line and for a start.
 *
 * Each writes its result to 'out' as JSON; a value goes in by standard input only and never
 * comes out.
 */
#ifndef BRIG_GATE_VAULT_VERBS_H
#define BRIG_GATE_VAULT_VERBS_H

#include "base/str.h"

struct buf;
struct err;

struct vault_options {
	struct strv hosts, env;
	char *sandbox, *keep;
};

/*
 * Store the value on descriptor 'in' (one newline at its end is cut) as 'name', or rotate
 * it: hosts and variables that aren't given stay as they are. Also moves the master key
 * where 'keep' says.
 *
 *	{"name":"x","rotated":false,"key":"file","made":true,"moved":false}
 */
int vault_verb_set(const char *name, const struct vault_options *o, int in,
	struct buf *out, struct err *e);

/* {"removed":["x"]}; -ENOENT, with the nearest name, before anything was removed. */
int vault_verb_rm(char *const *names, const struct vault_options *o, struct buf *out,
	struct err *e);

/* What is stored, and whether each can be opened; never a value. */
int vault_verb_ls(struct buf *out, struct err *e);

/*
 * A trust directory (trust.h) at 'path'; a new ca.jks in it, from its ca-bundle.pem; a spare
 * in the pool.
 */
int vault_verb_mint(const char *path, struct err *e);
int vault_verb_jks(const char *path, struct err *e);
int vault_verb_pool(struct err *e);

#endif
