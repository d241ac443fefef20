/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: make nodes for the kernel's character devices: memory, ports, messages.
 * Gain: the kernel's memory.
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: user namespace
 */
#include "hostile.h"

#include <sys/sysmacros.h>

int main(void)
{
	static const struct {
		const char *name;
		unsigned minor;
	} devices[] = { { "mem", 1 }, { "port", 4 }, { "kmsg", 11 } };
	static const char *const dirs[] = { "/tmp", ".", "/dev", "/dev/shm" };
	unsigned made = 0;

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 4; k++) {
			char path[64];
			int fd;

			(void)snprintf(path, sizeof(path), "%s/node-%s", dirs[k],
				devices[i].name);
			(void)unlink(path);
			if (mknod(path, S_IFCHR | 0600, makedev(1, devices[i].minor)) < 0)
				continue;
			made++;
			fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
			(void)unlink(path);
			if (fd >= 0)
				escaped("opened a node for %s", devices[i].name);
		}
	stopped("%u nodes made, none opens", made);
}
