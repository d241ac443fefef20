/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: type into the caller's terminal (TIOCSTI, TIOCLINUX): the person's shell reads
 * it when the sandbox has ended.
 * Gain: a command run outside, as the person.
 * Under: terminal
 * Options: -t
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Layer: a terminal of its own
 *
 * The command has a terminal of its own; only the chroot wall shows the caller's at all,
 * and there it takes CAP_SYS_ADMIN of the host. What arrived is looked at outside.
 */
#include "hostile.h"

#include <sys/ioctl.h>

int main(void)
{
	static const char text[] = "touch hostile\n";
	const char *tty = given("CALLER_TTY");
	char two = 2; /* paste what is selected, with TIOCLINUX */
	struct stat own, theirs;
	int fd = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), typed = 0;

	printf("\n");
	/* in a devpts of its own the name may be another terminal's: the sandbox's */
	if (fd < 0 || fstat(fd, &theirs) < 0 || fstat(0, &own) < 0)
		stopped("%s is not to be seen", tty);
	if (own.st_dev == theirs.st_dev && own.st_rdev == theirs.st_rdev)
		stopped("%s is the sandbox's own", tty);
	(void)ioctl(fd, TIOCSCTTY, 1);
	for (const char *p = text; *p; p++)
		typed += ioctl(fd, TIOCSTI, p) == 0;
	(void)ioctl(fd, TIOCLINUX, &two);
	if (typed)
		escaped("typed into the caller's terminal");
	failed("TIOCSTI");
}
