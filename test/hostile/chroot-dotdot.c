/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: chroot() into a directory below while the current directory stays above it, then
 * climb with "..": the kernel only stops at the root it passes on the way.
 * Gain: the host's whole file system.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Expect user: chroot=stops
 * Layer: mount namespace
 *
 * An ordinary user inside has no CAP_SYS_CHROOT, and the kernel refuses a user namespace
 * to who has been chrooted.
 */
#include "hostile.h"

int main(void)
{
	char dir[] = "/tmp/dotdot.XXXXXX";

	if (!mkdtemp(dir))
		untried("mkdtemp: %s", strerror(errno));
	if (chroot(dir) < 0) {
		if (unshare(CLONE_NEWUSER) < 0 || chroot(dir) < 0)
			failed("chroot");
	}
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			failed("chdir ..");
	if (secret_below(AT_FDCWD))
		escaped("read the host's secret from above the root");
	stopped("the directory above is still the sandbox's own root");
}
