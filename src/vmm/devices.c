/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/devices.h"

#include "base/err.h"
#include "linux/gatens.h"
#include "vmm/machine.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/fs.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/rng.h"
#include "vmm/virtio/vsock.h"

#include <errno.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <string.h>

static int add(struct machine *m, struct virtio_device *d, struct err *e)
{
	return d ? machine_add_device(m, d, e) : -e->code;
}

static int add_stream(struct machine *m, int fd, struct err *e)
{
	const struct vsock_listener stream = { .port = DEVICES_STREAM_PORT, .fd = fd };
	const struct vsock_options o = { .listeners = &stream, .n_listeners = 1 };

	return fd < 0 ? 0 : add(m, vsock_new(&o, e), e);
}

static int add_net(struct machine *m, struct devices *d, struct err *e)
{
	struct net_options o = { .fd = d->net, .rx = d->net_limit, .tx = d->net_limit };
	struct ether_addr mac;

	if (d->net < 0)
		return 0;
	if (!ether_aton_r(GATENS_GUEST_MAC, &mac))
		return err_set(e, EINVAL, "the guest's hardware address is none");
	memcpy(o.mac, mac.ether_addr_octet, sizeof(o.mac));
	d->network = net_new(&o, e);
	return add(m, d->network, e);
}

static int add_disk(struct machine *m, const struct devices *d, unsigned i, struct err *e)
{
	struct blk_options o = { .fd = d->disk[i].fd,
		.base = -1,
		.read_only = d->disk[i].read_only,
		.limit = d->disk_limit };

	(void)snprintf(o.serial, sizeof(o.serial), "disk%u", i);
	return add(m, blk_new(&o, e), e);
}

static int add_root(struct machine *m, const struct devices *d, struct err *e)
{
	const struct fs_options o = { .tag = DEVICES_ROOT_TAG,
		.root = d->root,
		.queues = d->cpus,
		.squash = DEVICES_NOBODY,
		.copied = d->copied };

	return d->root < 0 ? 0 : add(m, fs_new(&o, e), e);
}

int devices_add(struct machine *m, struct devices *d, struct err *e)
{
	int r = add(m, rng_new(e), e);

	if (r == 0) {
		d->balloon = balloon_new(e);
		r = add(m, d->balloon, e);
	}
	r = r < 0 ? r : add_stream(m, d->stream, e);
	r = r < 0 ? r : add_net(m, d, e);
	for (unsigned i = 0; r == 0 && i < d->disks_n; i++)
		r = add_disk(m, d, i, e);
	return r < 0 ? r : add_root(m, d, e);
}
