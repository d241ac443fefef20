/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/virtqueue.h"

#include "base/test.h"

#include <errno.h>
#include <linux/virtio_ring.h>

/* One queue of eight in 64 KiB: descriptors at 0x1000, available 0x2000, used 0x3000. */
#define SIZE  8
#define DESC  0x1000
#define AVAIL 0x2000
#define USED  0x3000

static uint8_t ram[65536] __attribute__((aligned(4096)));
static const struct guest_memory memory = { .host = ram, .size = sizeof(ram), .fd = -1 };
static struct vq_chain c;

static struct virtqueue begin(uint64_t features)
{
	struct virtqueue q = { .size_max = 16,
		.config = { .size = SIZE,
			.ready = 1,
			.desc = DESC,
			.driver = AVAIL,
			.device = USED } };

	memset(ram, 0, sizeof(ram));
	expect(virtqueue_start(&q, &memory, features) == 0 && virtqueue_live(&q));
	return q;
}

static void put16(uint64_t at, unsigned v)
{
	uint16_t w = (uint16_t)v;

	memcpy(ram + at, &w, 2);
}

static uint16_t get16(uint64_t at)
{
	uint16_t w;

	memcpy(&w, ram + at, 2);
	return w;
}

static void desc_at(uint64_t table, unsigned i, struct vring_desc d)
{
	memcpy(ram + table + 16 * i, &d, 16);
}

static void offer(unsigned head)
{
	uint16_t idx = get16(AVAIL + 2);

	put16(AVAIL + 4 + 2 * (idx % SIZE), head);
	put16(AVAIL + 2, idx + 1U);
}

#define D(...) ((struct vring_desc){ __VA_ARGS__ })

TEST(a_queue_that_is_set_up_wrongly_does_not_start)
{
	static const struct virtqueue_config bad[] = {
		{ 0, 1, DESC, AVAIL, USED },
		{ 3, 1, DESC, AVAIL, USED },
		{ 32, 1, DESC, AVAIL, USED },
		{ 65536, 1, DESC, AVAIL, USED },
		{ UINT32_MAX, 1, DESC, AVAIL, USED },
		{ SIZE, 1, DESC + 8, AVAIL, USED },
		{ SIZE, 1, DESC, AVAIL + 1, USED },
		{ SIZE, 1, DESC, AVAIL, USED + 2 },
		{ SIZE, 1, sizeof(ram) - 16, AVAIL, USED },
		{ SIZE, 1, DESC, sizeof(ram) - 4, USED },
		{ SIZE, 1, DESC, AVAIL, sizeof(ram) - 8 },
		{ SIZE, 1, UINT64_MAX - 15, AVAIL, USED },
		{ SIZE, 1, DESC, AVAIL, UINT64_MAX - 3 },
	};
	struct virtqueue q = { .size_max = 16 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		q.config = bad[i];
		expect(virtqueue_start(&q, &memory, 0) == -EINVAL && !virtqueue_live(&q));
		expect(virtqueue_pop(&q, &c) == 0);
	}
	q.config = (struct virtqueue_config){ .size = 3 };
	expect(virtqueue_start(&q, &memory, 0) == 0 && !virtqueue_live(&q));
	virtqueue_push(&q, 1, 1);
	expect(!virtqueue_interrupt_wanted(&q) && !virtqueue_kick_on(&q));
}

TEST(a_chain_comes_out_in_its_parts_and_goes_back)
{
	struct virtqueue q = begin(0);
	char text[16] = "";
	uint32_t elem[2];

	expect(virtqueue_pop(&q, &c) == 0);
	memcpy(ram + 0x5000, "hello world", 11);
	desc_at(DESC, 3, D(0x5000, 6, VRING_DESC_F_NEXT, 1));
	desc_at(DESC, 1, D(0x5006, 5, VRING_DESC_F_NEXT, 7));
	desc_at(DESC, 7, D(0x6000, 4, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 0));
	desc_at(DESC, 0, D(0x6004, 8, VRING_DESC_F_WRITE, 0));
	offer(3);
	expect(virtqueue_pop(&q, &c) == 1);
	expect(c.head == 3 && c.out_n == 2 && c.in_n == 2);
	expect(c.out_len == 11 && c.in_len == 12);
	expect(chain_read(&c, 4, text, 16) == 7);
	expect_str(text, "o world");
	expect(chain_write(&c, 2, "0123456789ab", 12) == 10);
	expect(memcmp(ram + 0x6002, "0123456789", 11) == 0);
	expect(chain_read(&c, 11, text, 1) == 0 && chain_write(&c, 12, text, 1) == 0);
	struct iovec v[VQ_SEGMENTS_MAX];

	expect(chain_out_iov(&c, 5, 3, v) == 2 && v[0].iov_len == 1 && v[1].iov_len == 2);
	expect(chain_in_iov(&c, 12, 1, v) == 0);
	virtqueue_push(&q, c.head, 12);
	expect(get16(USED + 2) == 1);
	memcpy(elem, ram + USED + 4, 8);
	expect(elem[0] == 3 && elem[1] == 12);
	expect(virtqueue_pop(&q, &c) == 0);
}

TEST(what_is_given_back_is_popped_again)
{
	struct virtqueue q = begin(0);

	desc_at(DESC, 2, D(0x5000, 6, 0, 0));
	offer(2);
	offer(2);
	expect(virtqueue_pop(&q, &c) == 1 && virtqueue_pop(&q, &c) == 1);
	expect(virtqueue_pop(&q, &c) == 0);
	virtqueue_unpop(&q);
	expect(virtqueue_pop(&q, &c) == 1);
	virtqueue_unpop_n(&q, 2);
	expect(virtqueue_pop(&q, &c) == 1 && virtqueue_pop(&q, &c) == 1);
	expect(virtqueue_pop(&q, &c) == 0);
}

TEST(a_driver_that_breaks_the_rules_is_found_out)
{
	static const struct {
		struct vring_desc d[3];
		unsigned head;
	} bad[] = {
		{ { { 0x5000, 1, 0, 0 } }, SIZE },
		{ { { 0x5000, 1, 0, 0 } }, 65535 },
		{ { { 0x5000, 1, VRING_DESC_F_NEXT, 0 } }, 0 }, /* to itself */
		{ { { 0x5000, 1, VRING_DESC_F_NEXT, 1 }, { 0, 0, VRING_DESC_F_NEXT, 0 } },
			0 },
		{ { { 0x5000, 1, VRING_DESC_F_NEXT, SIZE } }, 0 },
		{ { { 0x5000, 1, VRING_DESC_F_NEXT, 65535 } }, 0 },
		{ { { sizeof(ram), 1, 0, 0 } }, 0 },
		{ { { sizeof(ram) - 1, 2, 0, 0 } }, 0 },
		{ { { UINT64_MAX, UINT32_MAX, 0, 0 } }, 0 },
		{ { { 0x5000, UINT32_MAX, VRING_DESC_F_WRITE, 0 } }, 0 },
		/* readable behind writable */
		{ { { 0x5000, 1, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1 },
			  { 0x5000, 1, 0, 0 } },
			0 },
		/* indirect, which was not agreed on */
		{ { { 0x5000, 16, VRING_DESC_F_INDIRECT, 0 } }, 0 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct virtqueue q = begin(0);

		for (unsigned k = 0; k < 3; k++)
			desc_at(DESC, k, bad[i].d[k]);
		offer(bad[i].head);
		expect(virtqueue_pop(&q, &c) == -EPROTO);
	}
	struct virtqueue q = begin(0);

	put16(AVAIL + 2, SIZE + 1);
	expect(virtqueue_pop(&q, &c) == -EPROTO);
}

TEST(an_indirect_table_is_followed_once_and_within_its_bounds)
{
	static const struct {
		struct vring_desc d, inner;
	} bad[] = {
		{ { 0x5000, 0, VRING_DESC_F_INDIRECT, 0 }, { 0x6000, 1, 0, 0 } },
		{ { 0x5000, 17, VRING_DESC_F_INDIRECT, 0 }, { 0x6000, 1, 0, 0 } },
		{ { 0x5000, 16 * 257, VRING_DESC_F_INDIRECT, 0 }, { 0x6000, 1, 0, 0 } },
		{ { sizeof(ram) - 8, 16, VRING_DESC_F_INDIRECT, 0 },
			{ 0x6000, 1, 0, 0 } },
		{ { 0x5000, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1 },
			{ 0x6000, 1, 0, 0 } },
		{ { 0x5000, 16, VRING_DESC_F_INDIRECT, 0 },
			{ 0x5000, 16, VRING_DESC_F_INDIRECT, 0 } },
		{ { 0x5000, 16, VRING_DESC_F_INDIRECT, 0 },
			{ 0x6000, 1, VRING_DESC_F_NEXT, 1 } },
		{ { 0x5000, 32, VRING_DESC_F_INDIRECT, 0 },
			{ 0x6000, 1, VRING_DESC_F_NEXT, 0 } },
	};
	struct virtqueue q;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		q = begin(VQ_F_INDIRECT);
		desc_at(DESC, 0, bad[i].d);
		desc_at(0x5000, 0, bad[i].inner);
		offer(0);
		expect(virtqueue_pop(&q, &c) == -EPROTO);
	}
	/* only the queue's own table has to be aligned */
	q = begin(VQ_F_INDIRECT);
	desc_at(DESC, 0, D(0x5003, 32, VRING_DESC_F_INDIRECT, 0));
	desc_at(0x5003, 0, D(0x9001, 3, VRING_DESC_F_NEXT, 1));
	desc_at(0x5003, 1, D(0x9011, 5, VRING_DESC_F_WRITE, 0));
	offer(0);
	expect(virtqueue_pop(&q, &c) == 1 && c.out_len == 3 && c.in_len == 5);
	/* behind direct ones, and longer than the queue */
	q = begin(VQ_F_INDIRECT);
	desc_at(DESC, 0, D(0x9000, 3, VRING_DESC_F_NEXT, 1));
	desc_at(DESC, 1, D(0x5000, 16 * 20, VRING_DESC_F_INDIRECT, 0));
	for (unsigned i = 0; i < 20; i++)
		desc_at(0x5000, i,
			D(0x9000, 1, (uint16_t)(i < 19 ? VRING_DESC_F_NEXT : 0),
				(uint16_t)(i + 1)));
	offer(0);
	expect(virtqueue_pop(&q, &c) == 1 && c.out_n == 21 && c.out_len == 23);
}

TEST(segments_beyond_the_most_are_refused)
{
	struct virtqueue q = begin(VQ_F_INDIRECT);

	desc_at(DESC, 0, D(0x9000, 3, VRING_DESC_F_NEXT, 1));
	desc_at(DESC, 1, D(0x5000, 16 * 256, VRING_DESC_F_INDIRECT, 0));
	for (unsigned i = 0; i < 256; i++)
		desc_at(0x5000, i,
			D(0x9000, 1, (uint16_t)(i < 255 ? VRING_DESC_F_NEXT : 0),
				(uint16_t)(i + 1)));
	offer(0);
	expect(virtqueue_pop(&q, &c) == -EPROTO);
}

TEST(interrupts_come_when_they_are_wanted)
{
	struct virtqueue q = begin(0);

	expect(virtqueue_interrupt_wanted(&q)); /* nobody was told anything yet */
	virtqueue_push(&q, 0, 0);
	expect(virtqueue_interrupt_wanted(&q) && !virtqueue_interrupt_wanted(&q));
	put16(AVAIL, VRING_AVAIL_F_NO_INTERRUPT);
	virtqueue_push(&q, 0, 0);
	expect(!virtqueue_interrupt_wanted(&q));

	q = begin(VQ_F_EVENT_IDX);
	put16(AVAIL + 4 + 2 * SIZE, 2); /* at the third */
	virtqueue_push(&q, 0, 0);
	expect(virtqueue_interrupt_wanted(&q)); /* the first is always told */
	virtqueue_push(&q, 0, 0);
	expect(!virtqueue_interrupt_wanted(&q));
	virtqueue_push(&q, 0, 0);
	expect(virtqueue_interrupt_wanted(&q));
	q.next_used = q.signalled = 65535; /* and around the corner */
	put16(AVAIL + 4 + 2 * SIZE, 0);
	virtqueue_push(&q, 0, 0);
	expect(!virtqueue_interrupt_wanted(&q));
	virtqueue_push(&q, 0, 0);
	expect(virtqueue_interrupt_wanted(&q));
}

TEST(kicks_are_asked_for_and_a_late_request_is_seen)
{
	struct virtqueue q = begin(0);

	virtqueue_kick_off(&q);
	expect(get16(USED) == VRING_USED_F_NO_NOTIFY);
	expect(!virtqueue_kick_on(&q) && get16(USED) == 0);
	offer(0);
	expect(virtqueue_kick_on(&q));
	q = begin(VQ_F_EVENT_IDX);
	desc_at(DESC, 0, D(0x5000, 6, 0, 0));
	offer(0);
	expect(virtqueue_kick_on(&q));
	expect(virtqueue_pop(&q, &c) == 1 && !virtqueue_kick_on(&q));
	expect(get16(USED + 4 + 8 * SIZE) == 1);
}

TEST(several_buffers_are_returned_as_one)
{
	struct virtqueue q = begin(0);

	virtqueue_fill(&q, 0, 4, 10);
	virtqueue_fill(&q, 1, 5, 20);
	expect(get16(USED + 2) == 0);
	virtqueue_flush(&q, 2);
	expect(get16(USED + 2) == 2 && get16(USED + 4) == 4 && get16(USED + 12) == 5);
}

TEST(a_restored_queue_goes_on_and_a_forged_one_is_checked_like_a_drivers)
{
	struct virtqueue q = begin(0), r = { .size_max = 16 };
	struct buf state = { 0 };

	desc_at(DESC, 0, D(0x5000, 6, 0, 0));
	offer(0);
	offer(0);
	expect(virtqueue_pop(&q, &c) == 1);
	virtqueue_push(&q, 0, 0);
	expect(virtqueue_save(&q, &state) == 0);
	for (size_t n = 0; n < state.len; n++) {
		struct span cut = { (const uint8_t *)state.data, n };

		expect(virtqueue_restore(&r, &memory, 0, &cut) == -EBADMSG);
	}
	struct span from = { (const uint8_t *)state.data, state.len };

	expect(virtqueue_restore(&r, &memory, 0, &from) == 0 && from.left == 0);
	expect(virtqueue_pop(&r, &c) == 1 && virtqueue_pop(&r, &c) == 0);
	virtqueue_push(&r, 0, 0);
	expect(get16(USED + 2) == 2);
	state.data[15] = 1; /* the descriptors' address */
	from = (struct span){ (const uint8_t *)state.data, state.len };
	expect(virtqueue_restore(&r, &memory, 0, &from) == -EINVAL &&
		!virtqueue_live(&r));
	buf_clear(&state);
}
