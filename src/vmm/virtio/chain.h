/* SPDX-License-Identifier: Apache-2.0 */
/* chain.h - one request of a virtqueue, as segments of the guest's memory (virtio 1.3, 2.7.4). */
#ifndef BRIG_VMM_VIRTIO_CHAIN_H
#define BRIG_VMM_VIRTIO_CHAIN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VQ_SEGMENTS_MAX 256

/* One request: device-readable segments first, then device-writable ones. No segment has
 * the length 0, and all point to RAM. */
struct vq_chain {
	uint16_t head;
	unsigned out_n, in_n;
	uint64_t out_len, in_len; /* bytes in total; in_len fits into 32 bits */
	struct iovec seg[VQ_SEGMENTS_MAX];
};

/* Copy from the readable segments, and to the writable ones, from 'offset' on. Returns how
 * many bytes there were. */
size_t chain_read(const struct vq_chain *c, size_t offset, void *to, size_t n);
size_t chain_write(const struct vq_chain *c, size_t offset, const void *from, size_t n);

/* The segments that hold bytes [offset, offset + n) of the readable (writable: in) part.
 * Returns how many of 'ret' are filled, which has room for VQ_SEGMENTS_MAX. */
unsigned chain_out_iov(
	const struct vq_chain *c, size_t offset, size_t n, struct iovec *ret);
unsigned chain_in_iov(
	const struct vq_chain *c, size_t offset, size_t n, struct iovec *ret);

#endif
