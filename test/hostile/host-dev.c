/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: open the devices that are in /dev already.
 * Gain: disks, memory, the kernel's messages, consoles, input devices, virtual machines.
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: a /dev of its own
 */
#include "hostile.h"

int main(void)
{
	static const char *const nodes[] = { "vda", "sda", "nvme0n1", "loop0", "mem",
		"kmsg", "port", "console", "tty1", "ttyS0", "input/event0",
		"loop-control", "uinput", "vhost-vsock", "vsock", "mapper/control" };
	char path[64];

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0)
			escaped("opened %s", path);
	}
	stopped("none of the host's devices opens");
}
