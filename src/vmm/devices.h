/* SPDX-License-Identifier: Apache-2.0 */
/* devices.h - which devices a guest gets, from what the VMM was started with. */
#ifndef BRIG_VMM_DEVICES_H
#define BRIG_VMM_DEVICES_H

#include "vmm/virtio/ratelimit.h"

struct err;
struct machine;
struct virtio_device;

#define DEVICES_DISKS_MAX 8U

/* The host's end of the warder's stream: the guest connects to this port of CID 2. */
#define DEVICES_STREAM_PORT 1024U
/* What the root file system is called: mount -t virtiofs root. */
#define DEVICES_ROOT_TAG "root"

/* Who the host shows as the owner of what isn't the sandbox's: inside, that is root. */
#define DEVICES_NOBODY 65534U

/* Descriptors; -1: none. */
struct devices {
	unsigned cpus;
	int root;       /* a directory */
	int64_t copied; /* its layers: fuse.h */
	int stream;
	int net; /* a packet socket: gatens_guest_socket() */
	struct {
		int fd;
		bool read_only;
	} disk[DEVICES_DISKS_MAX];
	unsigned disks_n;
	struct ratelimit_options net_limit;  /* each way */
	struct ratelimit_options disk_limit; /* of each disk */

	/* made; the machine's. NULL: none */
	struct virtio_device *balloon, *network;
};

/* All of 'e' is needed. Make them and add them to the machine, in an order that is always the same. */
int devices_add(struct machine *m, struct devices *d, struct err *e);

#endif
