/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/net.h"

#include "base/err.h"
#include "vmm/virtio/testing.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A wire on which three frames wait, the last a large one, and that takes any. */
static struct virtio_device *make_with(struct ratelimit_options limit)
{
	static const uint8_t frame[10 + 20000] = { 1, 1, 54, 0, 100, 5, 34, 0, 16, 0 };
	struct net_options o = { .mac = { 2 }, .mtu = 1500, .rx = limit, .tx = limit };
	struct err e = { 0 };
	struct virtio_device *d;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
	(void)send(pair[0], frame + 10, 70, 0);
	(void)send(pair[0], frame, 110, 0);
	(void)send(pair[0], frame, sizeof(frame), 0);
	(void)close(pair[0]);
	o.fd = pair[1];
	d = net_new(&o, &e);
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
		.ops = { 20000, 2 }, .bytes = { 1000000, 1000 } });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct virtio_device *(*of)(void) = len && data[len - 1] & 1 ? make_slow : make;

	testing_fuzz(of(), of, data, len);
	return 0;
}
