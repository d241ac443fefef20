/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: use what is open: descriptors that the caller, the command line, the keeper or
 * the warder left open.
 * Gain: a directory of the host's is all it takes to walk out.
 * Under: descriptors
 * Expect: chroot=stops nspawn=stops container=stops
 * Layer: descriptors closed on exec
 * Layer chroot: descriptors closed on exec
 *
 * The caller has the secret and its directory open when it starts brig.
 */
#include "hostile.h"

int main(void)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *d;

	while (fds && (d = readdir(fds))) {
		char target[PATH_MAX] = "";
		int n = atoi(d->d_name);

		if (d->d_name[0] == '.' || n < 3 || n == dirfd(fds))
			continue;
		(void)readlinkat(dirfd(fds), d->d_name, target, sizeof(target) - 1);
		escaped("descriptor %d is open: %s", n, target);
	}
	stopped("only standard input, output and error are open");
}
