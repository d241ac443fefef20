/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/balloon.h"

#include "base/err.h"
#include "vmm/virtio/testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct virtio_device *make(void)
{
	struct err e = { 0 };

	return balloon_new(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	testing_fuzz(make(), make, data, len);
	return 0;
}
