/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: userfaultfd(): stop the kernel in the middle of a copy for as long as one likes.
 * Gain: races in the kernel become easy to win.
 * Expect: chroot=any nspawn=any container=stops sentry=own
 * Layer: filter of system calls
 *
 * For the weaker walls it hangs on the host's vm.unprivileged_userfaultfd, which doesn't
 * refuse the kind for faults of user space alone.
 */
#include "hostile.h"

#include <linux/userfaultfd.h>

int main(void)
{
	if (syscall(SYS_userfaultfd, O_CLOEXEC) >= 0)
		escaped("userfaultfd() can be had, for the kernel's faults too");
	if (syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY) >= 0)
		escaped("userfaultfd() can be had");
	failed("userfaultfd");
}
