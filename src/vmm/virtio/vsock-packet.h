/* SPDX-License-Identifier: Apache-2.0 */
/* vsock-packet.h - what a packet between guest and host begins with (virtio 1.3, 5.10.6). */
#ifndef BRIG_VMM_VIRTIO_VSOCK_PACKET_H
#define BRIG_VMM_VIRTIO_VSOCK_PACKET_H

#include <stdint.h>

#define VSOCK_HEADER   44U
#define VSOCK_HOST_CID 2U
#define VSOCK_STREAM   1U /* type */

enum vsock_op {
	VSOCK_REQUEST = 1,
	VSOCK_RESPONSE,
	VSOCK_RST,
	VSOCK_SHUTDOWN,
	VSOCK_RW,
	VSOCK_CREDIT_UPDATE,
	VSOCK_CREDIT_REQUEST,
};

/* flags of VSOCK_SHUTDOWN: what the sender of it will not do any more */
enum { VSOCK_NO_RECEIVE = 1, VSOCK_NO_SEND = 2, VSOCK_NEITHER = 3 };

/* the header of section 5.10.6, decoded */
struct vsock_packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
};

void vsock_packet_get(struct vsock_packet *p, const uint8_t raw[VSOCK_HEADER]);
void vsock_packet_put(const struct vsock_packet *p, uint8_t raw[VSOCK_HEADER]);

#endif
