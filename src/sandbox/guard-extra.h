/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard-extra.h - what in a workspace git's own files name: included configuration, other
 * directories of hooks, the git directory behind a .git file.
 */
#ifndef BRIG_SANDBOX_GUARD_EXTRA_H
#define BRIG_SANDBOX_GUARD_EXTRA_H

#include "sandbox/guard-walk.h"

struct guard_state;

/* Add what the configurations found so far name, as GUARD_HOOKS_DIR, GUARD_HOOK,
 * GUARD_CONFIG. */
int guard_extra_find(struct guard_walk *w, struct err *e);

/*
 * Add to a sorted scan at the end what 'then' had found that way: by now the
 * configurations may name something else. The scan is sorted again.
 */
int guard_extra_again(
	struct guard_walk *w, const struct guard_state *then, struct err *e);

/*
 * Does a .git file with these contents (a .git link with this target) lead to a git
 * directory that the scan found, without a link on the way?
 */
bool guard_link_leads(const struct guard_ws *ws, const struct guard_scan *scan,
	const struct guard_item *it, const char *data, size_t len);

/* The directory part of 'path'; "" at the root. Caller frees. */
char *guard_dirname(const char *path);

#endif
