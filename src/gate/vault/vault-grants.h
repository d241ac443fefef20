/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-grants.h - the vault's configuration, and the secrets that it gives to the injector.
 *
 * {"grants":[{"secret":"anthropic","sentinel":"sk-ant-...","hosts":[...]}],
 *  "sandbox":"web","ca":"..."}: 'hosts' narrows where a secret may go and never widens it;
 * empty, it is what the secret is bound to.
 */
#ifndef BRIG_GATE_VAULT_GRANTS_H
#define BRIG_GATE_VAULT_GRANTS_H

#include "base/json.h"
#include "base/str.h"
#include "gate/vault/vault-seal.h"

struct err;
struct vault_store;

#define VAULT_CONFIG_MAX   ((size_t)1 << 20)
#define VAULT_GRANTS_MAX   64U
#define VAULT_SENTINEL_MIN 20U
#define VAULT_SENTINEL_MAX 512U

struct vault_grant {
	char *secret, *sentinel;
	struct strv hosts;
};

struct vault_config {
	struct json_list grants; /* of struct vault_grant */
	char *sandbox;           /* its name: may use the secrets of that scope */
	char *ca;                /* where the CA comes from; for messages */
};

void vault_config_clear(struct vault_config *c);
#define auto_vault_config AUTO(vault_config_clear)

/* Checks names, sentinels and hosts; no sentinel may be there twice or begin another. */
int vault_config_parse(
	const char *text, size_t len, struct vault_config *ret, struct err *e);

static inline const struct vault_grant *vault_config_grant(
	const struct vault_config *c, size_t i)
{
	return (const struct vault_grant *)c->grants.items + i;
}

/* Secrets as they are sent: JSON, one each; wiped when cleared. */
struct vault_push {
	struct buf v[VAULT_GRANTS_MAX];
	size_t n;
	struct strv missing; /* granted, but not stored any more, or with no host left */
};

void vault_push_clear(struct vault_push *p);
#define auto_vault_push AUTO(vault_push_clear)

/*
 * Open what is granted and nothing else.
 *
 * Should:  fail as a whole when an entry was changed without the key.
 * Mustn't: let a secret of another sandbox's scope out, or to a host it isn't bound to.
 */
int vault_push_make(struct vault_push *p, const struct vault_config *c,
	const struct vault_store *s, const uint8_t master[VAULT_KEY_LEN], struct err *e);

#endif
