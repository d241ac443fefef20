/* SPDX-License-Identifier: Apache-2.0 */
/*
 * promise.h - a process gives up what its role doesn't need, in one line.
 *
 * Roles and their words are in promise-roles.inc, the system calls behind a word in
 * promise.inc. The filter stays over fork() and execve(): a role's children can do no
 * more than it can. A call outside of the promise ends the process (SIGSYS; the kernel
 * logs it).
 */
#ifndef BRIG_LINUX_PROMISE_H
#define BRIG_LINUX_PROMISE_H

#include <stdint.h>

struct err;

enum promise_role {
#define PROMISE_ROLE(id, name, words) PROMISE_##id,
#include "linux/promise-roles.inc"
#undef PROMISE_ROLE
	PROMISE_ROLES_N
};

/* "keeper", and "stdio rpath ..." */
const char *promise_role_name(enum promise_role role);
const char *promise_role_words(enum promise_role role);

/*
 * Make the promise: all capabilities go, no_new_privs is set, the role's filter is
 * installed. The process must have one thread.
 */
int promise(enum promise_role role, struct err *e);

/* The same but for the capabilities in 'keep' (CAPS_BIT() of caps.h). */
int promise_keeping(enum promise_role role, uint64_t keep, struct err *e);

#endif
