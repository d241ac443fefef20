/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard-config.h - takes out of a git configuration what was not in it before and could
 * run a command.
 */
#ifndef BRIG_SANDBOX_GUARD_CONFIG_H
#define BRIG_SANDBOX_GUARD_CONFIG_H

#include "base/buf.h"
#include "sandbox/guard.h"

struct guard_trim {
	struct buf text; /* the configuration without it; what it took the place of is
			    back */
	struct buf cut;  /* the entries taken out, as configuration */
	struct buf why;  /* "core.fsmonitor: ..., alias.st: ..." */
	size_t n;        /* how many */
};

/*
 * Compare 'now' with 'then' (either may be empty). 'path' is the configuration's,
 * relative to the workspace: core.worktree may name a directory inside of it. -EBADMSG
 * when 'now' is nothing that git would read.
 */
int guard_trim(const struct guard_ws *ws, const char *path, const struct buf *then,
	const struct buf *now, struct guard_trim *ret);

void guard_trim_clear(struct guard_trim *t);

#endif
