/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - from a request to a running process with its ends of pipes or a terminal.
 *
 * What the child finds out after fork (unknown user, no such directory, no such program)
 * comes back through 'status': an encoded struct guest_failed, or the end of the stream
 * when the program runs.
 */
#ifndef BRIG_GUEST_SPAWN_H
#define BRIG_GUEST_SPAWN_H

#include "guest/exec.h"
#include "guest/proto.h"

#include <sys/resource.h>
#include <sys/types.h>

struct spawn_env {
	int pts;              /* O_PATH descriptor of /dev/pts, or -1 */
	int null;             /* /dev/null, opened before anything hostile ran */
	struct rlimit nofile; /* what a command gets; the warder raised its own */
};

struct spawned {
	pid_t pid;
	int in;     /* write end of standard input or the terminal; -1: /dev/null */
	int out[2]; /* read ends of stdout and stderr; with a terminal only the first */
	int status;
};

/* 0, or -errno with 'fail' filled. All descriptors are O_CLOEXEC; 'in' and 'out'
 * O_NONBLOCK. */
int spawn_command(const struct spawn_env *env, const struct guest_exec *x,
	struct spawned *ret, struct guest_failed *fail);

void spawned_close(struct spawned *s);

/* The child's half, in spawn-child.c: never returns. */
struct spawn_child {
	const struct guest_exec *x;
	const struct spawn_env *env;
	int stdio[3]; /* what becomes 0, 1, 2; all the same terminal with GUEST_EXEC_TTY
		       */
	int status;
	int listener; /* what becomes ACCEPT_FD; -1: none */
};

_Noreturn void spawn_child_run(const struct spawn_child *c);

#endif
