/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: trace a process of the host's, and read its memory with process_vm_readv().
 * Gain: its secrets, and everything it may do.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Layer: PID namespace
 *
 * From a user namespace tracing outward takes CAP_SYS_PTRACE there.
 */
#include "hostile.h"

#include <sys/ptrace.h>
#include <sys/uio.h>

int main(void)
{
	pid_t pid = (pid_t)atoi(given("CANARY_PID"));
	char byte, path[64];
	struct iovec mine = { &byte, 1 }, theirs = { main, 1 };

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
		escaped("traces process %d of the host's", pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	if (open(path, O_RDWR | O_CLOEXEC) >= 0)
		escaped("opened the memory of process %d of the host's", pid);
	if (syscall(SYS_process_vm_readv, pid, &mine, 1UL, &theirs, 1UL, 0UL) >= 0 ||
		errno == EFAULT)
		escaped("may read the memory of process %d of the host's", pid);
	failed("ptrace");
}
