/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guarding.h - one session's care for the workspaces: restore points and the guard.
 *
 * guarding_begin() goes before the wall starts: it takes the restore points, finds what
 * the host would run later, and says what is to be pinned and read-only. guarding_end()
 * goes after everything in the sandbox is dead: it holds back what slipped in. The
 * baseline is on disk in between, so that the end can also be done for a keeper that was
 * killed.
 */
#ifndef BRIG_SANDBOX_GUARDING_H
#define BRIG_SANDBOX_GUARDING_H

#include "base/str.h"

#include <stdbool.h>

struct err;
struct idmap;
struct sandbox;

/* Of one mount of the record: what struct wall_mount wants. */
struct guarding_mount {
	struct strv pinned, readonly;
};

struct guarding {
	struct guarding_mount *mounts; /* as many as the record has */
	size_t n;
	size_t held;    /* things held back at the end */
	bool own_files; /* nothing ran as anyone but the caller: the end needs no user
			   namespace */
};

int guarding_begin(
	const struct sandbox *s, struct guarding *g, struct strv *notes, struct err *e);

/*
 * 'userns' is the sandbox's user namespace, -1 for a new one of map 'ids'. Does nothing
 * when no check is due. Lines for the person go to 'notes'.
 */
int guarding_end(const struct sandbox *s, const struct idmap *ids, int userns,
	struct guarding *g, struct strv *notes, struct err *e);
void guarding_clear(struct guarding *g);

#endif
