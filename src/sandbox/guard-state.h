/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard-state.h - what a workspace held when its session began, on disk: guard.json with
 * the items, guard.data with the contents of those whose contents are compared.
 *
 * Not forced to the platter: a power cut ends the session too, and what it may lose is
 * the start of a session whose sandbox hardly ran.
 */
#ifndef BRIG_SANDBOX_GUARD_STATE_H
#define BRIG_SANDBOX_GUARD_STATE_H

#include "base/buf.h"
#include "sandbox/guard-walk.h"

struct guard_state {
	uint64_t since; /* ns, CLOCK_REALTIME; a ctime from then on is of the session */
	bool partial;   /* not all of the workspace was looked at */
	struct guard_scan scan;
	struct buf data;
};

int guard_state_save(int dir, const struct guard_state *s, struct err *e);
int guard_state_load(int dir, struct guard_state *ret, struct err *e);
int guard_state_remove(int dir, struct err *e);
bool guard_state_exists(int dir);
void guard_state_clear(struct guard_state *s);

/*
 * File names are bytes, JSON is UTF-8: everything but printable ASCII, and "%", becomes
 * %XX. guard_decode() gives NULL (EBADMSG) for what guard_encode() can't have written.
 */
char *guard_encode(const char *name);
char *guard_decode(const char *text);

#endif
