/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: find the own control group, in /sys/fs/cgroup or a mount of its own, also in a
 * user namespace, and write "max" to its limits, or move out of it.
 * Gain: the machine's whole memory and process table.
 * Options: --pids 64
 * Refusal: stops
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: cgroup namespace, read-only /sys
 */
#include "hostile.h"

#include <ftw.h>

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;
	int fd;

	(void)st;
	if (type != FTW_F ||
		(strcmp(name, "pids.max") != 0 && strcmp(name, "cgroup.procs") != 0))
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	/* an unlimited number, or the writer itself, into a group that isn't its own */
	if (fd >= 0 && *name == 'p' && write(fd, "max", 3) == 3)
		escaped("took the limit off in %s", path);
	if (fd >= 0)
		(void)close(fd);
	return 0;
}

static int mount_and_look(void)
{
	static const char *const kinds[][2] = { { "cgroup2", NULL }, { "cgroup", "pids" },
		{ "cgroup", "memory" } };

	(void)mkdir("/tmp/cg", 0700);
	if (unshare(CLONE_NEWNS) < 0)
		(void)unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP);
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (size_t i = 0; i < 3; i++)
		if (mount("none", "/tmp/cg", kinds[i][0], 0, kinds[i][1]) == 0) {
			if (nftw("/tmp/cg", visit, 16, FTW_PHYS) != 0)
				return 1;
			(void)umount2("/tmp/cg", MNT_DETACH);
		}
	return 1;
}

/* The limit of this sandbox only, named by the line of /proc/self/cgroup. */
static void own_group(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX], path[PATH_MAX + 64];

	while (f && fgets(line, sizeof(line), f)) {
		char *dir = strrchr(line, ':') + 1;
		bool v2 = strncmp(line, "0::", 3) == 0;
		int fd;

		dir[strcspn(dir, "\n")] = '\0';
		if (!v2 && !strstr(line, ":pids:"))
			continue;
		for (int i = 0; i < 2; i++) {
			(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s%s/pids.max",
				v2 ? (i ? "/unified" : "") : "/pids", dir);
			fd = open(path, O_WRONLY | O_CLOEXEC);
			if (fd >= 0 && write(fd, "max", 3) == 3)
				escaped("took the limit off in %s", path);
		}
	}
}

int main(void)
{
	own_group();
	/* in the host's namespace of control groups a walk would meet everybody's */
	if (kill((pid_t)atoi(given("CANARY_PID")), 0) == 0)
		stopped("its own group can't be written");
	if (in_child(mount_and_look) == 0)
		escaped("took the limit off through a mount of its own");
	stopped("the limits can't be written");
}
