/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - one repository of a registry (OCI distribution specification 1.1; Docker's
 * registry API version 2 with its token authentication).
 */
#ifndef BRIG_IMAGE_REGISTRY_H
#define BRIG_IMAGE_REGISTRY_H

#include "image/http.h"
#include "image/login.h"
#include "image/reference.h"

struct registry {
	const struct reference *ref; /* borrowed */
	struct http_policy policy;
	struct login login;
	char *base; /* "https://registry-1.docker.io" */
	char *auth; /* "Authorization: ...", NULL while none is needed */
};

/* Find out how to talk to it, and log in where it asks for that. */
int registry_open(
	const struct reference *ref, bool insecure, struct registry *ret, struct err *e);
void registry_close(struct registry *r);
#define auto_registry AUTO(registry_close)

/*
 * Answer a 401. Credentials go to the registry itself (Basic) or to the server that its
 * challenge names, over https unless the registry is spoken to by http.
 */
int registry_login(struct registry *r, const struct challenge *c, struct err *e);

/* The manifest or index that 'what', a tag or a digest, means, and its digest, checked.
 */
int registry_manifest(struct registry *r, const char *what, struct buf *body,
	char digest[DIGEST_TEXT_MAX], struct err *e);

/* Where a blob is. Caller frees. */
char *registry_blob_url(const struct registry *r, const char *digest);

#endif
