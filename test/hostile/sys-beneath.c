/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: unmount /sys, and see what lies beneath.
 * Gain: the host's /sys, read-only: its interfaces, their addresses, its control groups.
 * Expect: chroot=escapes nspawn=escapes container=stops
 * Expect user: nspawn=stops
 * Layer: locked mounts
 *
 * To mount a sysfs of its own, the kernel wants the host's to be visible there, so it
 * lies beneath. In nspawn root inside may take its own off. Writing stays refused.
 */
#include "link.h"

static bool shows_host(void)
{
	DIR *d = opendir("/sys/class/net");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if ((strncmp(e->d_name, "eth", 3) == 0 ||
			    strncmp(e->d_name, "en", 2) == 0 ||
			    strncmp(e->d_name, "wl", 2) == 0 ||
			    strncmp(e->d_name, "if", 2) == 0) &&
			!is_own_link(e->d_name))
			return true;
	return false;
}

int main(void)
{
	if (shows_host())
		escaped("/sys is the host's");
	for (int i = 0; i < 8; i++) {
		if (umount2("/sys", MNT_DETACH) < 0)
			failed("umount /sys");
		if (shows_host())
			escaped("beneath /sys lies the host's");
	}
	stopped("there is nothing beneath /sys");
}
