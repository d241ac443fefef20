/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean.h - taking away what a sandbox leaves: its directory, and what a killed keeper
 * left.
 */
#ifndef BRIG_SANDBOX_CLEAN_H
#define BRIG_SANDBOX_CLEAN_H

#include "base/str.h"

struct err;
struct idmap;
struct sandbox;

/*
 * Removing is two steps. The first takes the name away, at once and whole: a directory of
 * another name is left, which is no sandbox any more. The second empties it; whatever
 * stops that half-way, clean_gone_all() goes on. Nothing may be running in it; the caller
 * holds it.
 */
int clean_forget(const struct sandbox *s, char **ret_gone, struct err *e);

/*
 * The second step, for the name that the first gave (the caller's to free; NULL: it was
 * gone already). The layers hold files of subordinate ids, so this is done as root of the
 * user namespace 'userns', or of a new one with map 'ids' when that is -1.
 */
int clean_empty(const char *gone, const struct idmap *ids, int userns, struct err *e);

/* Both. */
int clean_remove(
	const struct sandbox *s, const struct idmap *ids, int userns, struct err *e);

/* Empty what removals that were cut short have left. */
int clean_gone_all(const struct idmap *ids, struct err *e);

/* Run 'work' in a child as root of such a user namespace; its return value and error come
 * back. */
int clean_in_userns(const struct idmap *ids, int userns,
	int (*work)(void *with, struct err *e), void *with, struct err *e);

/* Does an overlay workspace hold changes? */
bool clean_has_overlay(const struct sandbox *s);

/* Does it hold things that were held back from the workspace? */
bool clean_has_held(const struct sandbox *s);

/*
 * After a keeper was killed: kill what is left of the sandbox (by its mount namespace),
 * remove its control groups, look through the workspace, write how it ended. A sandbox
 * with --rm is removed unless there is something to keep. The caller holds the sandbox.
 * 'notes' gets lines for the person.
 */
int clean_crashed(
	const struct sandbox *s, struct strv *notes, bool *ret_removed, struct err *e);

#endif
