/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: keep a descriptor of the root, chroot() below it, fchdir() back: outside of the
 * new root without a current directory having been left behind.
 * Gain: the host's whole file system.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Expect user: chroot=stops
 * Layer: mount namespace
 */
#include "hostile.h"

int main(void)
{
	char dir[] = "/tmp/fchdir.XXXXXX";
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || !mkdtemp(dir))
		untried("prepare: %s", strerror(errno));
	if (chroot(dir) < 0 || chdir("/") < 0)
		failed("chroot");
	if (fchdir(root) < 0)
		failed("fchdir");
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			failed("chdir ..");
	if (chroot(".") == 0 && holds_secret(AT_FDCWD, given("SECRET_FILE")))
		escaped("made the host's root the root again");
	stopped("what is above the descriptor is the sandbox's own root");
}
