/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net-config.h - what gate, injector and vault are told, put together from the host's files,
 * the policy and the record.
 */
#ifndef BRIG_SANDBOX_NET_CONFIG_H
#define BRIG_SANDBOX_NET_CONFIG_H

struct err;
struct json;
struct record;

/*
 * The upstream side, as the environment of whoever started the sandbox says: read before
 * the keeper wipes it. Strings are owned; NULL: not set.
 */
struct net_upstream {
	char *http, *https, *all, *no; /* http_proxy, ..., no_proxy (curl(1)) */
	char *bundle;                  /* SSL_CERT_FILE; else the host's own */
};

int net_upstream_from_env(struct net_upstream *ret, struct err *e);
void net_upstream_clear(struct net_upstream *u);

/* The texts of ROLE_CONFIG (gate/roles.h). The caller frees them with json_free(). */
int net_config_gate(const struct record *rec, const struct net_upstream *u,
	struct json **ret, struct err *e);
int net_config_injector(const struct net_upstream *u, struct json **ret, struct err *e);

#endif
