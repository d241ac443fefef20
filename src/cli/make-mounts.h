/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-mounts.h - PATH words and -v options become the mounts of a record.
 */
#ifndef BRIG_CLI_MAKE_MOUNTS_H
#define BRIG_CLI_MAKE_MOUNTS_H

#include "sandbox/record.h"

struct err;

/*
 * Without a PATH the current directory is the workspace, unless that is the home
 * directory, one above it or one of the system's: whoever wants to share those has to
 * name them.
 */
int mounts_from_words(const struct strv *paths, const struct strv *volumes,
	const char *home, struct record *rec, struct err *e);

#endif
