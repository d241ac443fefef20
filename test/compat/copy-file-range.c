/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: copy_file_range, sendfile, splice and tee carry a file over unchanged
 * Expect: container=yes sentry=yes
 * In: workspace tmp
 */
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "probe.h"

#define SIZE (1 << 20)

static unsigned char wrote[SIZE], got[SIZE];

static int fresh(void)
{
	int fd = open("copy", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0);
	return fd;
}

static void same(int fd)
{
	memset(got, 0, SIZE);
	need(pread(fd, got, SIZE, 0) == SIZE);
	need(memcmp(wrote, got, SIZE) == 0);
	need(close(fd) == 0);
}

static void by_range(int from)
{
	int to = fresh();
	off_t in = 0, out = 0;

	while (in < SIZE)
		need(copy_file_range(from, &in, to, &out, (size_t)(SIZE - in), 0) > 0);
	need(copy_file_range(from, &in, to, &out, 10, 0) == 0);
	same(to);
}

static void by_sendfile(int from)
{
	int to = fresh();
	off_t in = 0;

	while (in < SIZE)
		need(sendfile(to, from, &in, (size_t)(SIZE - in)) > 0);
	same(to);
}

static void by_splice(int from)
{
	int to = fresh(), p[2], q[2];
	off_t in = 0;
	ssize_t n, m;

	need(pipe2(p, O_CLOEXEC) == 0 && pipe2(q, O_CLOEXEC) == 0);
	while (in < SIZE) {
		need((n = splice(from, &in, p[1], NULL, 65536, 0)) > 0);
		need(tee(p[0], q[1], (size_t)n, 0) == n);
		for (ssize_t done = 0; done < n; done += m)
			need((m = splice(p[0], NULL, to, NULL, (size_t)(n - done), 0)) >
				0);
		for (ssize_t done = 0; done < n; done += m)
			need((m = read(q[0], got, (size_t)(n - done))) > 0);
	}
	same(to);
}

int main(void)
{
	int from = open("original", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (size_t i = 0; i < SIZE; i++)
		wrote[i] = (unsigned char)(i * 2654435761u >> 13);
	need(from >= 0 && write(from, wrote, SIZE) == SIZE);
	by_range(from);
	by_sendfile(from);
	by_splice(from);
	need(unlink("copy") == 0 && unlink("original") == 0);
	return 0;
}
