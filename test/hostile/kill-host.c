/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: signal a process of the host's, by its number there; by kill(), tgkill(),
 * sigqueue() and a pidfd.
 * Gain: stop what protects, or what works.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Expect user-root: chroot=stops
 * Layer: PID namespace
 *
 * Root of an ordinary user's sandbox is a subordinate id, and no owner of the process.
 */
#include "hostile.h"

int main(void)
{
	pid_t pid = (pid_t)atoi(given("CANARY_PID"));
	int pidfd;

	if (pid <= 1)
		untried("no canary");
	/* 0 asks only whether it could be */
	if (kill(pid, 0) == 0 || syscall(SYS_tgkill, pid, pid, 0) == 0)
		escaped("may signal process %d of the host's", pid);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0)
		escaped("may signal process %d of the host's by pidfd", pid);
	failed("kill");
}
