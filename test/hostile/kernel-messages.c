/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: syslog(2) and /dev/kmsg: what the kernel has logged.
 * Gain: addresses, devices, other people's crashes.
 * Expect: chroot=any nspawn=any container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: user namespace
 * Layer container: filter of system calls
 *
 * For the weaker walls it hangs on the host's kernel.dmesg_restrict.
 */
#include "hostile.h"

#include <sys/klog.h>

int main(void)
{
	char text[64];

	if (klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof(text)) > 0)
		escaped("syslog() tells what the kernel has logged");
	if (open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC) >= 0)
		escaped("/dev/kmsg opens");
	failed("syslog");
}
