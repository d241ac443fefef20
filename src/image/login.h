/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login.h - the credentials a user has for a registry, as docker and podman keep them.
 *
 * Looked for, in this order: $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json,
 * $XDG_CONFIG_HOME/containers/auth.json, $DOCKER_CONFIG/config.json
 * (~/.docker/config.json). The first that has something for the registry counts
 * (containers-auth.json(5)).
 */
#ifndef BRIG_IMAGE_LOGIN_H
#define BRIG_IMAGE_LOGIN_H

#include "base/auto.h"

#include <stddef.h>

struct err;

#define LOGIN_FILE_MAX ((size_t)1 << 20)

struct login {
	char *user;
	char *password;
	char *identity_token; /* instead of the two: an OAuth2 refresh token */
	char *helper;         /* instead of all: docker-credential-HELPER knows */
	char *server;         /* what to ask the helper for */
};

/*
 * What the text of such a file says about 'domain' and 'repo'. 0 and an empty 'ret' when
 * it says nothing. 'where' names the file in messages.
 */
struct login_query {
	const char *where;
	const char *domain; /* "docker.io" for Docker Hub, whatever the file calls it */
	const char *repo;
};
int login_parse(const char *text, size_t len, const struct login_query *q,
	struct login *ret, struct err *e);

/* Look in the files, and ask a helper. An empty 'ret' is an anonymous user. */
int login_find(const char *domain, const char *repo, struct login *ret, struct err *e);

/* Overwrites what is secret. */
void login_clear(struct login *l);
#define auto_login AUTO(login_clear)

#endif
