/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: make a user namespace, by unshare(), clone() or clone3(), and have every
 * capability in it.
 * Gain: mount(), network set-up and much kernel code that is meant for root: the first
 * step of most kernel exploits.
 * Expect: chroot=stops nspawn=escapes container=stops sentry=own
 * Layer: filter of system calls
 *
 * nspawn lets programs make namespaces of their own, as browsers and build tools do; what
 * they are over is the sandbox's. A chrooted process is refused one.
 */
#include "hostile.h"

#include <linux/sched.h>

static int by_unshare(void)
{
	return unshare(CLONE_NEWUSER) == 0 ? 0 : 1;
}

static int by_clone(void)
{
	return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0UL, NULL, NULL, 0UL) >= 0 ? 0
										      : 1;
}

static int by_clone3(void)
{
	struct clone_args a = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };

	return syscall(SYS_clone3, &a, sizeof(a)) >= 0 ? 0 : 1;
}

int main(void)
{
	if (in_child(by_unshare) == 0)
		escaped("unshare() made a user namespace");
	if (in_child(by_clone) == 0)
		escaped("clone() made a user namespace");
	if (in_child(by_clone3) == 0)
		escaped("clone3() made a user namespace");
	stopped("no user namespace by unshare(), clone() or clone3()");
}
