/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: type into the caller's terminal (TIOCSTI, TIOCLINUX): the person's shell reads
 * it when the sandbox has ended.
 * Gain: a command run outside, as the person.
 * Under: terminal
 * Options: -t
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 *
 * The command has a terminal of its own; only the chroot wall shows the caller's at all,
 * and there it takes CAP_SYS_ADMIN of the host. What arrived is looked at outside.
 */
#include "hostile.h"

#include <sys/ioctl.h>

static int typed, asked;

static void type(const char *tty)
{
	static const char text[] = "touch hostile\n";
	int fd = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	char paste = 3;

	if (fd < 0)
		return;
	asked++;
	(void)ioctl(fd, TIOCSCTTY, 1);
	for (const char *p = text; *p; p++)
		if (ioctl(fd, TIOCSTI, p) == 0)
			typed++;
	(void)ioctl(fd, TIOCLINUX, &paste);
	(void)close(fd);
}

int main(void)
{
	char path[64];

	/* its own takes it, and gives it back to nobody but itself */
	for (int i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
		type(path);
	}
	type("/dev/tty");
	typed = 0;
	type(given("CALLER_TTY"));
	if (typed)
		escaped("typed into the caller's terminal");
	stopped("typed into %d terminals, none of them the caller's", asked);
}
