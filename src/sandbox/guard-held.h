/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard-held.h - the directory of what was held back: ID.json says what it is and where
 * it was, ID holds the bytes. The inside of guard.h.
 */
#ifndef BRIG_SANDBOX_GUARD_HELD_H
#define BRIG_SANDBOX_GUARD_HELD_H

#include "sandbox/guard.h"

enum held_what {
	HELD_FILE,   /* ID has the contents */
	HELD_LINK,   /* ID has the target */
	HELD_CONFIG, /* ID has lines of git configuration */
	HELD_ASIDE, /* too large to copy: still in its directory, as ".held-by-brig-ID" */
};

struct held_entry {
	const char *workspace, *path, *why;
	enum held_what what;
	uint64_t mode;
};

/* Remember one thing before it is taken away. '*id' is the caller's to free. */
int held_add(int held, const struct held_entry *entry, const void *data, size_t len,
	char **id, struct err *e);

/* The name beside 'path' under which HELD_ASIDE keeps it. Caller frees. */
char *held_aside(const char *path, const char *id);

#endif
