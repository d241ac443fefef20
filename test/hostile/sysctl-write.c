/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: write the kernel's settings in /proc/sys: the program that takes core dumps,
 * that loads modules, that answers hotplug (each to what it is).
 * Gain: the kernel starts such a program as root, outside.
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: read-only /proc/sys
 */
#include "hostile.h"

static bool rewrite(const char *path)
{
	char text[512];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		(void)close(fd);
	fd = n < 0 ? -1 : open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, (size_t)n) == n;
}

static int try_all(void)
{
	static const char *const names[] = { "kernel/core_pattern", "kernel/modprobe",
		"kernel/hotplug", "kernel/poweroff_cmd", "kernel/sysrq", "kernel/panic",
		"kernel/randomize_va_space", "fs/suid_dumpable", "fs/protected_symlinks",
		"vm/overcommit_memory", "kernel/kptr_restrict" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)snprintf(path, sizeof(path), "/proc/sys/%s", names[i]);
		if (rewrite(path))
			return 0;
	}
	return 1;
}

static int with_own_proc(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0 &&
		unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
		return 1;
	(void)umount2("/proc/sys", MNT_DETACH);
	if (in_child(try_all) == 0)
		return 0;
	if (fork() == 0) /* process 1 of the new namespace: a new /proc can be mounted */
		_exit(mount("proc", "/proc", "proc", 0, NULL) == 0 && try_all() == 0 ? 0
										     : 1);
	{
		int status = 1;

		return wait(&status) > 0 && status == 0 ? 0 : 1;
	}
}

int main(void)
{
	if (try_all() == 0)
		escaped("the kernel's settings can be written");
	if (in_child(with_own_proc) == 0)
		escaped("the kernel's settings can be written through another /proc");
	stopped("the kernel's settings can't be written");
}
