/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs.h"

#include "base/err.h"
#include "vmm/virtio/fuse.h"
#include "vmm/virtio/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[32];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct virtio_device *make(void)
{
	struct fs_options o = { .tag = "root", .queues = 2, .squash = FUSE_NO_SQUASH };
	struct err e = { 0 };

	o.root = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fs_new(&o, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char command[64];

	(void)snprintf(base, sizeof(base), "/tmp/fs-fuzz.XXXXXX");
	if (!mkdtemp(base))
		abort();
	testing_fuzz(make(), make, data, len);
	(void)snprintf(command, sizeof(command), "rm -rf %s", base);
	if (system(command))
		abort();
	return 0;
}
