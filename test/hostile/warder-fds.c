/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: take the descriptors of the first process, by /proc/1/fd and by pidfd_getfd():
 * climb from those that are directories; find files, and connections of others than the
 * keeper.
 * Gain: whatever the keeper left open in the process that it made.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=any
 * Layer: PID namespace, a warder that is not dumpable
 *
 * In the chroot wall the first process is the host's init, which may protect itself;
 * proc-root looks at all others.
 */
#include "hostile.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static void climb(int fd, int n)
{
	char up[PATH_MAX];

	(void)snprintf(up, sizeof(up), "../../../../../../../..%s", given("SECRET_FILE"));
	if (holds_secret(fd, given("SECRET_FILE") + 1) || holds_secret(fd, up))
		escaped("descriptor %d of process 1 leads to the host's files", n);
}

/* One socket leads to the keeper. A second one, or a file, is somebody else's. */
static void look_at(int fd, int n)
{
	static int sockets;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	if (S_ISREG(st.st_mode))
		escaped("descriptor %d of process 1 is a file of the host's", n);
	if (S_ISSOCK(st.st_mode) && ++sockets > 1)
		escaped("process 1 has a second socket, %d", n);
}

int main(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0), taken = 0;
	char path[64];

	for (int n = 0; n < 1024; n++) {
		int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, n, 0);

		if (fd >= 0) {
			taken++;
			climb(fd, n);
			look_at(fd, n);
			(void)close(fd);
		}
		(void)snprintf(path, sizeof(path), "/proc/1/fd/%d", n);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0) {
			climb(fd, n);
			(void)close(fd);
		}
	}
	(void)snprintf(path, sizeof(path), "/proc/1/root%s", given("SECRET_FILE"));
	if (holds_secret(AT_FDCWD, path))
		escaped("/proc/1/root is the host's");
	stopped("%d descriptors of process 1 could be taken, none leads out", taken);
}
