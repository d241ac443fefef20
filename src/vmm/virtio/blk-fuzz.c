/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/blk.h"

#include "base/err.h"
#include "vmm/virtio/testing.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int disk(off_t size)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size) < 0)
		abort();
	return fd;
}

/* Changes over a base: more of the code than a file alone. */
static struct virtio_device *make(void)
{
	const struct blk_options o = { .fd = disk(0), .base = disk(200000) };
	struct err e = { 0 };
	struct virtio_device *d = blk_new(&o, &e);

	if (!d)
		abort();
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	testing_fuzz(make(), make, data, len);
	return 0;
}
