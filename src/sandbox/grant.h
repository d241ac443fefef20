/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant.h - the secrets that a sandbox may use, and what stands for them inside.
 *
 * A grant is made when the sandbox is created, and stays in its record: the variables, and
 * a sentinel, random and its own, that looks like a key of the service. Programs inside
 * see the sentinel alone; the injector puts the secret in its place, on the way to hosts
 * that the secret is bound to. Names, hosts and variables are read from the store, where
 * they are in clear; nothing here opens a secret.
 */
#ifndef BRIG_SANDBOX_GRANT_H
#define BRIG_SANDBOX_GRANT_H

#include "base/json.h"
#include "base/str.h"

struct err;

#define GRANTS_MAX         64U
#define GRANT_RANDOM_MIN   24U /* characters of 62: 142 bits */
#define GRANT_PREFIX_OTHER "brig-"

struct grant {
	char *secret;
	struct strv env; /* variables that hold the sentinel */
	char *sentinel;
	struct strv
		hosts; /* only these of the secret's; empty: all it is bound to, as the
			      store has them when the sandbox starts */
};

/* For the record: JSON_LIST with .of = &grant_schema. */
extern const struct json_schema grant_schema;

static inline struct grant *grant_at(const struct json_list *grants, size_t i)
{
	return (struct grant *)grants->items + i;
}

/*
 * Add grants for what --secret said: "NAME" or "NAME=VARIABLE". -ENOENT for a secret that
 * isn't stored (or is another sandbox's), with what is near or how to store it.
 */
int grants_add(struct json_list *grants, const struct strv *wanted, const char *sandbox,
	struct err *e);

/*
 * Add grants for the stored secrets whose variables the agent's recipe names ("K", not
 * "K=V"), but for variables that a grant sets already. A secret of this sandbox's own goes
 * before one for any, and one called like its service before others.
 */
int grants_default(struct json_list *grants, const struct strv *recipe_env,
	const char *sandbox, struct err *e);

/* "VAR=sentinel" for each variable: to come after what else sets the environment. */
int grants_env(const struct json_list *grants, struct strv *ret);

/* Is this variable one of them? */
bool grants_have_env(const struct json_list *grants, const char *variable);

/* The vault's configuration (gate/vault/vault-grants.h) as a text that the caller frees. */
int grants_config(const struct json_list *grants, const char *sandbox, const char *ca_dir,
	char **ret, struct err *e);

/* The hosts whose TLS the gate has to open for them; patterns, each once. Secrets that are
 * gone have none. */
int grants_hosts(const struct json_list *grants, const char *sandbox, struct strv *ret,
	struct err *e);

/* A sentinel: 'prefix', then at least GRANT_RANDOM_MIN random letters and digits. */
int grant_sentinel(const char *prefix, size_t length, char **ret, struct err *e);

#endif
