/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: io_uring: its operations are system calls that no filter of calls sees.
 * Gain: around seccomp; the piece of the kernel with the most holes of its years.
 * Expect: chroot=any nspawn=any container=stops sentry=own
 * Layer: filter of system calls
 *
 * For the weaker walls it hangs on the host's kernel.io_uring_disabled.
 */
#include "hostile.h"

int main(void)
{
	char params[120] = ""; /* struct io_uring_params, all zero */

	if (syscall(425 /* io_uring_setup */, 1, params) >= 0)
		escaped("io_uring can be had");
	failed("io_uring_setup");
}
