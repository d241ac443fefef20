/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-service.h - the table of known services: share/services.json.
 *
 * For each: the variables its clients read the key from, the hosts they send it to, and
 * what such a key looks like, so that a client which looks at its form takes a sentinel.
 */
#ifndef BRIG_GATE_VAULT_SERVICE_H
#define BRIG_GATE_VAULT_SERVICE_H

#include "base/json.h"
#include "base/str.h"

struct err;

#define VAULT_SERVICES_MAX_BYTES (256U << 10)

struct vault_service {
	char *name, *description;
	struct strv env;   /* set in the sandbox */
	struct strv also;  /* other variables that hold it at the caller's */
	struct strv hosts; /* normalised */
	char *prefix;      /* of its keys: "ghp_" */
	uint64_t length;   /* of what follows the prefix; 0: any */
};

struct vault_services {
	struct json_list list; /* of struct vault_service */
};

void vault_services_clear(struct vault_services *s);
#define auto_vault_services AUTO(vault_services_clear)

/* Read the table of the installed data directory. */
int vault_services_load(struct vault_services *ret, struct err *e);
int vault_services_parse(
	const char *text, size_t len, struct vault_services *ret, struct err *e);

static inline const struct vault_service *vault_services_at(
	const struct vault_services *s, size_t i)
{
	return (const struct vault_service *)s->list.items + i;
}

const struct vault_service *vault_service_find(
	const struct vault_services *s, const char *name);

/* The service whose keys this variable holds. */
const struct vault_service *vault_service_by_env(
	const struct vault_services *s, const char *variable);

/* The caller's value of its first variable that is set and not empty; NULL. */
const char *vault_service_value(const struct vault_service *s, const char **ret_variable);

#endif
