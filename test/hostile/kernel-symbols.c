/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: read where the kernel's functions are, in /proc/kallsyms, also beneath what masks
 * it.
 * Gain: what an exploit of the kernel needs first.
 * Expect: chroot=any nspawn=any container=stops sentry=own
 * Layer: masked paths
 *
 * For the weaker walls it hangs on the host's kernel.kptr_restrict.
 */
#include "hostile.h"

static void look(const char *how)
{
	unsigned long address = 0;
	char text[256] = "";
	FILE *f = fopen("/proc/kallsyms", "re");

	while (f && !address && fgets(text, sizeof(text), f))
		address = strtoul(text, NULL, 16);
	if (address)
		escaped("/proc/kallsyms tells addresses%s", how);
	if (f)
		(void)fclose(f);
}

int main(void)
{
	look("");
	(void)umount2("/proc/kallsyms", MNT_DETACH);
	look(" beneath its mask");
	stopped("no address of the kernel is to be had");
}
