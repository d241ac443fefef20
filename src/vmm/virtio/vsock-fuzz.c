/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock.h"

#include "base/err.h"
#include "vmm/virtio/testing.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Ports 1 and 2: one whose other side has sent something and is gone, one that echoes what
 * it hears when it is asked. */
static struct virtio_device *make(void)
{
	struct vsock_listener l[2] = { { .port = 1 }, { .port = 2 } };
	const struct vsock_options o = { .listeners = l, .n_listeners = 2 };
	struct err e = { 0 };
	int a[2], b[2];
	struct virtio_device *d;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a) < 0)
		abort();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b) < 0)
		abort();
	if (write(a[0], "hello", 5) != 5 || shutdown(a[0], SHUT_WR) < 0)
		abort();
	(void)close(a[0]);
	/* the queue of a datagram to itself: what is written comes back */
	if (write(b[0], "some bytes for the guest", 24) != 24)
		abort();
	(void)close(b[0]);
	l[0].fd = a[1];
	l[1].fd = b[1];
	d = vsock_new(&o, &e);
	if (!d)
		abort();
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	testing_fuzz(make(), make, data, len);
	return 0;
}
