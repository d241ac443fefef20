/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: make a node for the host's disk, and read it; or mount it.
 * Gain: every file there is, past all owners and modes.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=any
 * Layer: user namespace
 *
 * In the chroot wall of root it hangs on the machine, which may keep its disk even from
 * root (a virtual machine of a cloud, say).
 */
#include "hostile.h"

#include <sys/sysmacros.h>

static void read_disk(const char *node)
{
	char sector[512];
	int fd = open(node, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, sector, sizeof(sector)) == sizeof(sector))
		escaped("read the disk through %s", node);
}

int main(void)
{
	static const char *const dirs[] = { "/tmp/disk", "disk", "/dev/disk-node",
		"/dev/shm/disk" };
	FILE *list = fopen("/proc/partitions", "re");
	unsigned major_nr, minor_nr, found = 0, made = 0;
	char line[256];
	int why = 0;

	while (list && fgets(line, sizeof(line), list)) {
		if (sscanf(line, "%u %u", &major_nr, &minor_nr) != 2)
			continue;
		found++;
		for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
			(void)unlink(dirs[i]);
			if (mknod(dirs[i], S_IFBLK | 0600, makedev(major_nr, minor_nr)) ==
				0) {
				made++;
				read_disk(dirs[i]);
				(void)unlink(dirs[i]);
			} else {
				why = errno;
			}
		}
	}
	if (!found)
		untried("the machine shows no disk");
	stopped("%u disks, %u nodes made: %s", found, made, strerror(why));
}
