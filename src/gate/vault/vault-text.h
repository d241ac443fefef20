/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-text.h - which texts may be names, variables, hosts and values of secrets.
 */
#ifndef BRIG_GATE_VAULT_TEXT_H
#define BRIG_GATE_VAULT_TEXT_H

#include "base/str.h"

struct buf;
struct err;

#define VAULT_NAME_MAX       64U   /* bytes of a secret's name, of a variable's */
#define VAULT_HOSTS_MAX      32U   /* hosts of one secret */
#define VAULT_HOSTS_BYTES    4096U /* of their names together */
#define VAULT_ENV_MAX        8U
#define VAULT_VALUE_MIN      8U
#define VAULT_VALUE_MAX      16384U
#define VAULT_VALUE_JSON_MAX 20480U /* of a value as a JSON string */

/* Is this what a secret may be called: [A-Za-z0-9] first, then also '.', '_' and '-'? */
int vault_name_check(const char *name, struct err *e);
int vault_env_check(const char *name, struct err *e);

/*
 * Bring a host into its one form: a name, "*.name", "**.name" or an address.
 *
 * Should:  refuse a wildcard over a whole top-level domain ("*.com"): whoever registers a
 *          name there would get the secret.
 */
int vault_host_normalise(const char *text, char **ret, struct err *e);

/* Is every host that 'inner' stands for one that 'outer' does? Both normalised. */
bool vault_host_covers(const char *outer, const char *inner);

/*
 * May this be a secret? UTF-8 without control characters, VAULT_VALUE_MIN to
 * VAULT_VALUE_MAX bytes: it has to fit a header, and a short one would be found by chance
 * wherever brig redacts it. The message never holds any of it.
 */
int vault_value_check(const char *value, size_t len, struct err *e);

/* Append 'text' (checked as above) as a JSON string. 0 or -errno of buf_add(). */
int vault_add_json_str(struct buf *out, const char *text, size_t len);

/* Hexadecimal digits, lower case. */
char *vault_to_hex(const void *data, size_t len);
int vault_from_hex(
	const char *text, struct buf *out); /* appends; 0 or -EINVAL, -ENOMEM */

#endif
