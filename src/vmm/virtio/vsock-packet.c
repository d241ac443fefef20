/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock-packet.h"

#include "base/wire.h"

void vsock_packet_get(struct vsock_packet *p, const uint8_t raw[VSOCK_HEADER])
{
	*p = (struct vsock_packet){ .src_cid = wire_get64(raw),
		.dst_cid = wire_get64(raw + 8),
		.src_port = wire_get32(raw + 16),
		.dst_port = wire_get32(raw + 20),
		.len = wire_get32(raw + 24),
		.type = wire_get16(raw + 28),
		.op = wire_get16(raw + 30),
		.flags = wire_get32(raw + 32),
		.buf_alloc = wire_get32(raw + 36),
		.fwd_cnt = wire_get32(raw + 40) };
}

void vsock_packet_put(const struct vsock_packet *p, uint8_t raw[VSOCK_HEADER])
{
	wire_put64(raw, p->src_cid);
	wire_put64(raw + 8, p->dst_cid);
	wire_put32(raw + 16, p->src_port);
	wire_put32(raw + 20, p->dst_port);
	wire_put32(raw + 24, p->len);
	wire_put16(raw + 28, p->type);
	wire_put16(raw + 30, p->op);
	wire_put32(raw + 32, p->flags);
	wire_put32(raw + 36, p->buf_alloc);
	wire_put32(raw + 40, p->fwd_cnt);
}
