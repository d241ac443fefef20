/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - a network card in front of one descriptor that gives and takes frames (virtio 1.3, 5.1).
 *
 * The descriptor is a packet socket with PACKET_VNET_HDR (packet(7)): before each frame stands
 * a struct virtio_net_hdr of ten bytes. So checksums and segments are left to whoever needs
 * them in both directions, and a frame may be 64 KiB.
 * Frames go between the descriptor and the guest's memory without a copy here.
 *
 * What the guest writes into the header is checked before the host's kernel sees it; frames
 * with a header that no good driver writes are dropped. Received frames go into as many
 * buffers as they need (VIRTIO_NET_F_MRG_RXBUF).
 */
#ifndef BRIG_VMM_VIRTIO_NET_H
#define BRIG_VMM_VIRTIO_NET_H

#include "vmm/virtio/device.h"
#include "vmm/virtio/ratelimit.h"

struct err;

enum { NET_RX, NET_TX, NET_QUEUES };

struct net_options {
	int fd; /* taken over; made non-blocking */
	uint8_t mac[6];
	uint16_t mtu;                /* 0: not told */
	struct ratelimit_options rx; /* to the guest */
	struct ratelimit_options tx;
};

struct net_stats {
	uint64_t rx_frames, rx_bytes, rx_dropped;
	uint64_t tx_frames, tx_bytes, tx_dropped;
};

/* NULL on failure, with the descriptor left to the caller. */
struct virtio_device *net_new(const struct net_options *o, struct err *e);
void net_free(struct virtio_device *d);

void net_stats(struct virtio_device *d, struct net_stats *ret); /* takes the lock */

#endif
