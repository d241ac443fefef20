/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep.h - what 'snapshot', 'restore' and 'fork' share: a running sandbox is kept, and another one
 * is made that goes on from it.
 */
#ifndef BRIG_CLI_KEEP_H
#define BRIG_CLI_KEEP_H

#include "sandbox/snapshot.h"

/* Stop the machine of a running sandbox, copy its layers, let it go on, and write the rest to 'n',
 * which was begun. 'name' is the snapshot's. How long it stood goes to '*ret_us'. */
int keep_sandbox(const struct sandbox *s, const char *name, struct snapshot_new *n,
	uint64_t *ret_us, struct err *e);

/* Make the sandbox 'name' that goes on from 's', which was checked, and start it. 0, or an exit
 * status as session_start() has it; nothing is left of one that doesn't start. */
int keep_restore(const struct snapshot *s, const char *name, struct err *e);

#endif
