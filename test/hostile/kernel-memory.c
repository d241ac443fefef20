/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: /proc/kcore, the symbols' addresses in /proc/kallsyms, /dev/mem; also beneath
 * what masks them.
 * Gain: the kernel's memory, or where in it everything is: what an exploit needs first.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 *
 * Where kernel.kptr_restrict is 0 root inside a user namespace still reads zeros.
 */
#include "hostile.h"

static void look(const char *how)
{
	unsigned long address = 0;
	char text[64] = "";
	FILE *f = fopen("/proc/kallsyms", "re");
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, 4) == 4 && memcmp(text, "\177ELF", 4) == 0)
		escaped("/proc/kcore can be read%s", how);
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
	(void)umount2("/proc/kcore", MNT_DETACH);
	(void)umount2("/proc/kallsyms", MNT_DETACH);
	look(" beneath their masks");
	stopped("no address of the kernel is to be had");
}
