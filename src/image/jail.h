/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail.h - children that look at hostile archives and can do nothing else.
 *
 * Theory of operation: a decoder (gzip, zstd, tar) is where a hostile image would strike.
 * So each runs in a child of its own: a new user namespace with the sandbox's ids and not
 * the caller's rights, no network, the one directory it may write as its root (or none at
 * all), a short list of system calls, and pipes. Whoever takes a child over holds what
 * that child was going to make anyway, and the parent checks the digest of what passes
 * between them.
 */
#ifndef BRIG_IMAGE_JAIL_H
#define BRIG_IMAGE_JAIL_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct idmap;

struct jail_result {
	struct err err; /* code 0: it went well */
	uint64_t bytes;
	uint64_t entries;
};

struct jail {
	const struct idmap *map; /* NULL: no ids and no files at all */
	int dir;     /* with a map: becomes the root and the working directory */
	int in, out; /* stay open, as given; -1 for none */
	int (*run)(const struct jail *j, struct jail_result *res, struct err *e);
	const void *arg;
};

struct jail_child {
	pid_t pid;
	int report; /* where the result comes from */
};

/*
 * Should:  end with its parent, and have nothing open but 'in' and 'out'.
 * Mustn't: go on to 'run' when any step of the isolation failed.
 */
int jail_start(const struct jail *j, struct jail_child *ret, struct err *e);

/* Wait for the end. 0, or the child's error; a child that was killed is -EIO. */
int jail_wait(struct jail_child *c, struct jail_result *ret, struct err *e);

/* End it now, and wait. */
void jail_kill(struct jail_child *c);

#endif
