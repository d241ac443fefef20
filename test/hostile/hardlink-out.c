/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: make a hard link in the writable workspace to a file that is shown read-only but
 * lies on the same file system, and write through the link.
 * Gain: what was shared with ":ro", changed.
 * Expect: chroot=stops nspawn=stops container=stops
 * Layer: mounts of their own
 * Layer chroot: mounts of their own
 */
#include "hostile.h"

int main(void)
{
	char from[PATH_MAX], fd_path[64];
	int fd;

	(void)snprintf(from, sizeof(from), "%s/file", given("RO_DIR"));
	fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		untried("%s: %s", from, strerror(errno));
	(void)snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", fd);
	if (link(from, "hard") < 0 &&
		linkat(fd, "", AT_FDCWD, "hard", AT_EMPTY_PATH) < 0 &&
		linkat(AT_FDCWD, fd_path, AT_FDCWD, "hard", AT_SYMLINK_FOLLOW) < 0)
		failed("link");
	fd = open("hard", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd >= 0 && write(fd, "hostile\n", 8) == 8)
		escaped("wrote to the file behind ':ro'");
	failed("write through the link");
}
