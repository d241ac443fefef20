/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/filestream.h"

#include "base/path.h"

#include "base/file.h"

static int write_fd(void *data, const void *bytes, size_t len)
{
	const int *fd = data;

	return file_write_all(*fd, bytes, len);
}

static ssize_t read_fd(void *data, void *into, size_t len)
{
	const int *fd = data;
	ssize_t n;

	do
		n = read(*fd, into, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

struct files_sink files_sink_fd(const int *fd)
{
	return (struct files_sink){ write_fd, (void *)(uintptr_t)fd };
}

struct files_source files_source_fd(const int *fd)
{
	return (struct files_source){ read_fd, (void *)(uintptr_t)fd };
}

int files_openat(int dirfd, const char *path, unsigned flags, int how)
{
	struct err quiet;
	int fd;

	if (!(flags & FILES_BENEATH))
		return openat(dirfd, path, how | O_CLOEXEC);
	fd = path_open_beneath(dirfd, path, (unsigned)how, 0, &quiet);
	if (fd >= 0)
		return fd;
	errno = -fd;
	return -1;
}
