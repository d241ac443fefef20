/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: reboot(), kexec_load(), init_module(), swapoff(), iopl() (with arguments that
 * are refused only after the right to it was found).
 * Gain: the machine.
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: user namespace
 * Layer container: filter of system calls
 */
#include "hostile.h"

#include <sys/io.h>

static void must_not(const char *call, long r)
{
	if (r >= 0 || (errno != EPERM && errno != ENOSYS))
		escaped("%s: past the check of rights (%s)", call, strerror(errno));
}

int main(void)
{
	/* magic numbers that fit nothing: EINVAL comes after EPERM */
	must_not("reboot", syscall(SYS_reboot, 1, 2, 3, NULL));
	must_not("kexec_load", syscall(SYS_kexec_load, 0UL, 1UL << 20, NULL, 0UL));
	must_not("init_module", syscall(SYS_init_module, NULL, 0UL, ""));
	must_not("finit_module", syscall(SYS_finit_module, -1, "", 0));
	must_not("delete_module", syscall(SYS_delete_module, NULL, 0));
	must_not("swapoff", syscall(SYS_swapoff, ""));
	must_not("iopl", syscall(SYS_iopl, 3));
	stopped("no right to any of them");
}
