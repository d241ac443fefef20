/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of streams: lengths that aren't there, credit that changes at will, ports and CIDs that
 * nobody has, a flood of requests without a buffer for the refusals, ends that are told twice,
 * resets in the middle. One stream can be had, and it works until it is over.
 */
#include "guest/virtio.h"

enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };

struct packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));

static struct device d;
static struct packet p;

static void send(uint32_t bytes)
{
	struct queue *q = &d.q[1];

	describe(q, 0, (uint32_t)&p, 44, bytes ? F_NEXT : 0, 1);
	describe(q, 1, RAM - WINDOW, bytes, 0, 0);
	post(q, 0);
	kick(q);
}

static void packet(uint16_t op)
{
	p = (struct packet){ .src_cid = 3, .dst_cid = 2, .src_port = 5, .dst_port = 1024, .type = 1,
		.op = op, .buf_alloc = 65536 };
}

static void give(unsigned n)
{
	struct queue *q = &d.q[0];

	for (unsigned i = 0; i < n; i++) {
		describe(q, i, RAM - WINDOW + 4096 * (i + 1), 4096, F_WRITE, 0);
		post(q, i);
	}
	kick(q);
}

void main(void)
{
	volatile struct packet *first = (volatile struct packet *)(RAM - WINDOW + 4096);

	set_up(&d, need(ID_VSOCK), 0);
	give(8);
	packet(REQUEST);
	send(0);
	expect(came(&d.q[0], NULL) && first->op == RESPONSE);
	/* more than there is */
	packet(RW);
	p.len = 0x10000;
	send(16);
	expect(is_broken(&d));
	for (unsigned turn = 0; turn < 40; turn++) {
		set_up(&d, d.slot, 0);
		give(below(16));
		for (unsigned i = 0; i < 60 && !is_broken(&d); i++) {
			uint32_t bytes = below(4) ? 0 : below(3000);

			packet((uint16_t)(below(4) ? 1 + below(8) : any()));
			p.len = below(16) ? bytes : odd();
			p.buf_alloc = odd();
			p.fwd_cnt = odd();
			p.flags = odd();
			if (!below(3))
				p.src_port = odd();
			if (!below(3))
				p.dst_port = odd();
			if (!below(16))
				p.src_cid = odd();
			if (!below(16))
				p.type = (uint16_t)odd();
			send(bytes);
			if (!below(8))
				*reg(d.slot, QUEUE_NOTIFY) = 0;
		}
	}
	*reg(d.slot, STATUS) = 0;
	still_served();
}
