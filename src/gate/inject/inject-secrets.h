/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-secrets.h - the secrets in force, as the vault gave them.
 *
 * A set comes whole (VAULT_SECRETS_BEGIN, VAULT_SECRET..., VAULT_SECRETS_END) and replaces
 * the one before: that is how a secret is rotated. A request keeps the set that it began
 * with; the last one to let go wipes it.
 */
#ifndef BRIG_GATE_INJECT_SECRETS_H
#define BRIG_GATE_INJECT_SECRETS_H

#include "base/str.h"

struct err;
struct parcel;

#define INJECT_SECRETS_MAX  256U
#define INJECT_SENTINEL_MIN 8U
#define INJECT_SENTINEL_MAX 1024U

struct inject_secret {
	char *name;     /* "anthropic": the only thing of it that is ever logged */
	char *sentinel; /* what the sandbox has instead */
	char *value;
	struct strv hosts; /* patterns, normalised */
	bool used; /* it was put into a request: answers of its hosts are masked */
};

struct inject_secrets {
	unsigned refs;
	struct inject_secret *v;
	size_t n;
};

struct inject_secrets *inject_secrets_ref(struct inject_secrets *s); /* NULL is fine */
void inject_secrets_unref(struct inject_secrets *s);

/* May 's' go to this host? */
bool inject_secret_granted(const struct inject_secret *s, const char *host);

/* The secret of which 'text' holds the sentinel first (the longest of several), or NULL. */
struct inject_secret *inject_secrets_find(
	const struct inject_secrets *s, const char *text, size_t len, size_t *ret_at);

/* The set that is in force and the one that is coming in. */
struct inject_secrets_feed {
	struct inject_secrets *now, *next;
};

/* A parcel of the vault. 1: a new set is in force; 0; -EPROTO, -ENOMEM. Wipes the parcel. */
int inject_secrets_parcel(struct inject_secrets_feed *f, struct parcel *p, struct err *e);
void inject_secrets_feed_clear(struct inject_secrets_feed *f);

#endif
