/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/console.h"

#include "base/err.h"
#include "vmm/virtio/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Output goes nowhere; of input there is something and then the end. */
static struct virtio_device *make(void)
{
	struct err e = { 0 };
	struct virtio_device *d;
	int out[2], in[2];

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(in, O_CLOEXEC) < 0)
		abort();
	(void)signal(SIGPIPE, SIG_IGN);
	if (write(in[1], "some input", 10) != 10)
		abort();
	(void)close(in[1]);
	(void)close(out[0]);
	d = console_new(out[1], in[0], &e);
	if (!d)
		abort();
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	testing_fuzz(make(), make, data, len);
	return 0;
}
