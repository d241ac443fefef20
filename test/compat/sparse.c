/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: sparse files: holes are found, punched and take no room
 * Expect: container=yes sentry=yes
 * In: workspace tmp
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "probe.h"

#define MB (1 << 20)

int main(void)
{
	static char data[MB];
	int fd = open("sparse", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	char c = 1;

	need(fd >= 0);
	memset(data, 'd', MB);
	need(ftruncate(fd, 100L * MB) == 0);
	need(pwrite(fd, data, MB, 50L * MB) == MB && fsync(fd) == 0);
	need(fstat(fd, &st) == 0 && st.st_size == 100L * MB);
	need(st.st_blocks * 512 < 8L * MB);
	/* a file system need not know holes, but what it says must be true */
	need(lseek(fd, 50L * MB, SEEK_DATA) == 50L * MB);
	need(lseek(fd, 50L * MB, SEEK_HOLE) >= 51L * MB);
	need(lseek(fd, 0, SEEK_DATA) <= 50L * MB);
	need(pread(fd, &c, 1, 10) == 1 && c == 0);

	need(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 50L * MB,
		     MB / 2) == 0);
	need(pread(fd, &c, 1, 50L * MB) == 1 && c == 0);
	need(pread(fd, &c, 1, 50L * MB + MB / 2) == 1 && c == 'd');
	need(fallocate(fd, 0, 100L * MB, MB) == 0);
	need(fstat(fd, &st) == 0 && st.st_size == 101L * MB);
	need(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	need(unlink("sparse") == 0);
	return 0;
}
