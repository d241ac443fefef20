/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: /proc/sysrq-trigger (opened for writing, and left at that).
 * Gain: reboot, crash or freeze of the machine.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Layer: read-only /proc
 */
#include "hostile.h"

int main(void)
{
	if (open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC) >= 0)
		escaped("may reboot the machine");
	if (errno == ENOENT)
		untried("this kernel has no sysrq-trigger");
	(void)umount2("/proc/sysrq-trigger", MNT_DETACH);
	if (open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC) >= 0)
		escaped("may reboot the machine, beneath the mount that hid it");
	failed("open");
}
