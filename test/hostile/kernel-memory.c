/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: read the kernel's memory in /proc/kcore, also beneath what masks it.
 * Gain: everything.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Layer: user namespace, masked paths
 */
#include "hostile.h"

static void look(const char *how)
{
	char text[4] = "";
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, 4) == 4 && memcmp(text, "\177ELF", 4) == 0)
		escaped("/proc/kcore can be read%s", how);
}

int main(void)
{
	look("");
	(void)umount2("/proc/kcore", MNT_DETACH);
	look(" beneath its mask");
	if (errno == ENOENT)
		untried("this kernel has no /proc/kcore");
	failed("/proc/kcore");
}
