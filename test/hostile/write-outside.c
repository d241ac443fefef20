/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: write to a file beside the workspace: by "..", through a symbolic link left in
 * the workspace, by renaming the workspace away, by a hard link.
 * Gain: the host's files, changed.
 * Expect: chroot=stops nspawn=stops container=stops
 * Layer: root directory
 * Layer chroot: root directory
 */
#include "hostile.h"

static void overwrite(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd >= 0 && write(fd, "hostile\n", 8) == 8)
		escaped("wrote to %s", path);
	if (fd >= 0)
		(void)close(fd);
}

int main(void)
{
	const char *canary = given("CANARY_FILE");
	char up[PATH_MAX], cwd[PATH_MAX];

	(void)snprintf(up, sizeof(up), "../../../../../../../../..%s", canary);
	overwrite(canary);
	overwrite(up);
	if (symlink(canary, "link") == 0)
		overwrite("link");
	if (link(up, "hard") == 0 || linkat(AT_FDCWD, canary, AT_FDCWD, "hard", 0) == 0)
		escaped("made a hard link to the host's file");
	if (getcwd(cwd, sizeof(cwd)) && rename(cwd, "/tmp/moved") == 0)
		escaped("renamed the workspace itself");
	stopped("the file has no name in here");
}
