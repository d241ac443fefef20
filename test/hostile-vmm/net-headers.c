/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames with headers that a good driver never writes: sums that start or lie outside of the
 * frame, segments of no size or of sorts that weren't agreed on, lengths of nothing and of too
 * much. The other end, which stands for the host's kernel, gets none that doesn't add up.
 * host: net
 */
#include "guest/virtio.h"

static struct device d;
static struct {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, buffers;
} head;

void main(void)
{
	uint8_t *frame = take(70000);
	unsigned good = 0;

	for (unsigned i = 0; i < 70000; i += 64)
		frame[i] = (uint8_t)i;
	for (unsigned turn = 0; turn < 2; turn++) {
		set_up(&d, need(ID_NET), turn ? 0xffffffff : 0x8000);
		for (unsigned i = 0; i < 600; i++) {
			bool is_good = !below(8);
			uint32_t len = is_good ? 60 : below(4) ? below(1600) : odd() % 70000;
			struct queue *q = &d.q[1];

			head.flags = is_good ? 0 : (uint8_t)any();
			head.gso_type = is_good ? 0 : (uint8_t)(below(2) ? any() : below(6));
			head.hdr_len = (uint16_t)odd();
			head.gso_size = (uint16_t)odd();
			head.csum_start = (uint16_t)odd();
			head.csum_offset = (uint16_t)odd();
			describe(q, 0, (uint32_t)&head, 12, F_NEXT, 1);
			describe(q, 1, (uint32_t)frame, len, 0, 0);
			post(q, 0);
			kick(q);
			expect(came(q, NULL));
			good += is_good;
		}
		expect(!is_broken(&d));
	}
	say("good ");
	say_number(good);
	say("\n");
	still_served();
}
