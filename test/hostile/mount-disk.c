/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: mount the host's disk, and the kernel's own file systems that show the whole
 * machine: debugfs, tracefs, securityfs, efivarfs, bpf, configfs.
 * Gain: every file there is; the kernel's inside.
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: user namespace
 * Layer container: filter of system calls
 * Harm chroot: a disk that was not unmounted cleanly would have its journal written back
 */
#include "hostile.h"

static int mount_all(void)
{
	static const char *const kinds[] = { "debugfs", "tracefs", "securityfs",
		"efivarfs", "configfs", "devtmpfs", "pstore" };
	static const char *const disks[] = { "/dev/vda", "/dev/sda", "/dev/sda1",
		"/dev/nvme0n1p1", "/dev/root" };

	(void)mkdir("/tmp/mnt", 0700);
	if (unshare(CLONE_NEWNS) < 0)
		(void)unshare(CLONE_NEWUSER | CLONE_NEWNS);
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (mount("none", "/tmp/mnt", kinds[i], MS_RDONLY, NULL) == 0)
			return 0;
	for (size_t i = 0; i < sizeof(disks) / sizeof(*disks); i++)
		if (mount(disks[i], "/tmp/mnt", "ext4", MS_RDONLY, NULL) == 0 ||
			errno == EBUSY)
			return 0;
	return 1;
}

int main(void)
{
	if (in_child(mount_all) == 0)
		escaped("mounted a file system of the whole machine");
	stopped("no such file system can be mounted");
}
