/* SPDX-License-Identifier: Apache-2.0 */
/*
 * starter.h - a small process that executes programs for the keeper.
 *
 * The keeper promises to execute nothing before anything of the sandbox's runs. What is to
 * be started later, on first use, is started by this process, which was forked before: a
 * gate, an injector, a vault, and nothing else. It hears one kind of message, of a fixed
 * form, and ends with the keeper, taking along what it started.
 */
#ifndef BRIG_SANDBOX_STARTER_H
#define BRIG_SANDBOX_STARTER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

enum starter_role {
	STARTER_GATE,
	STARTER_INJECTOR,
	STARTER_VAULT,
	STARTER_POOL, /* makes a spare CA, and is gone */
	STARTER_ROLES
};

/*
 * Fork it. Returns the keeper's end of a parcel socket. Run by root, who talks to the world
 * (gate, injector) is 'uid' and 'gid' there and not root.
 */
int starter_spawn(uid_t uid, gid_t gid, struct err *e);

/*
 * Have a program started with these descriptors as its 3, 4, ...; -1 leaves a gap. They
 * stay the caller's. 0 or -errno; how the program fares shows on its own sockets.
 */
int starter_start(int starter, enum starter_role role, const int *fds, size_t n);

#endif
