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
static struct virtio_device *make_with(struct ratelimit_options limit)
{
	const struct blk_options o = {
		.fd = disk(0), .base = disk(200000), .limit = limit
	};
	struct err e = { 0 };
	struct virtio_device *d = blk_new(&o, &e);

	if (!d)
		abort();
	return d;
}

static struct virtio_device *make(void)
{
	return make_with((struct ratelimit_options){ 0 });
}

static struct virtio_device *make_slow(void)
{
	return make_with((struct ratelimit_options){
		.ops = { 20000, 2 }, .bytes = { 10000000, 5000 } });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct virtio_device *(*of)(void) = len && data[len - 1] & 1 ? make_slow : make;

	testing_fuzz(of(), of, data, len);
	return 0;
}
