/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/balloon.h"

#include "base/err.h"
#include "base/test.h"
#include "base/wire.h"
#include "vmm/virtio/testing.h"

#define AT   (512U << 10) /* pages to play with, behind the harness's own */
#define PAGE 4096U

static void begin(struct testing *t)
{
	struct err e = { 0 };

	testing_begin(t, balloon_new(&e), 1 << 20);
	expect(testing_start(t, ~0ULL));
}

static void ask(struct testing *t, unsigned queue, struct testing_seg seg, bool returned)
{
	uint16_t head;
	uint32_t n;

	(void)testing_add(t, queue, &seg, 1);
	testing_kick(t, queue);
	expect(testing_used(t, queue, &head, &n) == returned);
}

static unsigned kept(struct testing *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 16; i++)
		n += *(uint8_t *)testing_at(t, AT + i * PAGE, 1) == 7;
	return n;
}

TEST(inflating_gives_the_named_pages_back_and_no_others)
{
	const uint32_t pages[] = { 128, 129, 131, 130, 140, 139, 0xffffffff, 0x80000,
		256 };
	struct balloon_stats s;
	struct testing t;
	uint64_t at;

	begin(&t);
	memset(testing_at(&t, AT, 16 * PAGE), 7, 16 * PAGE);
	at = testing_alloc(&t, sizeof(pages) + 3, 4);
	for (unsigned i = 0; i < sizeof(pages) / 4; i++)
		wire_put32(testing_at(&t, at + 4 * i, 4), pages[i]);
	ask(&t, 0, (struct testing_seg){ at, sizeof(pages) + 3, false }, true);
	expect(kept(&t) == 10);
	expect(*(uint8_t *)testing_at(&t, AT + 4 * PAGE, 1) == 7);
	balloon_get_stats(t.device, &s);
	expect(s.inflated == 6 * PAGE);
	ask(&t, 1, (struct testing_seg){ at, 4, false }, true);
	testing_end(&t);
}

TEST(reported_pages_go_back_as_far_as_they_are_whole)
{
	struct balloon_stats s;
	struct testing t;

	begin(&t);
	memset(testing_at(&t, AT, 16 * PAGE), 7, 16 * PAGE);
	ask(&t, 3, (struct testing_seg){ AT, 4 * PAGE, true }, true);
	expect(kept(&t) == 12);
	ask(&t, 4, (struct testing_seg){ AT + 5 * PAGE + 1, 3 * PAGE, true }, true);
	expect(kept(&t) == 10);
	ask(&t, 3, (struct testing_seg){ AT + 9 * PAGE, 100, true }, true);
	ask(&t, 3, (struct testing_seg){ AT + 10 * PAGE, PAGE, false }, true);
	expect(kept(&t) == 10);
	balloon_get_stats(t.device, &s);
	expect(s.reported == 6 * PAGE);
	testing_end(&t);
}

TEST(statistics_come_when_they_are_asked_for)
{
	struct balloon_stats s;
	struct err e = { 0 };
	struct testing t;
	uint64_t at;
	uint16_t head;
	uint32_t n;

	begin(&t);
	at = testing_alloc(&t, 35, 2);
	wire_put16(testing_at(&t, at, 2), 4);
	wire_put64(testing_at(&t, at + 2, 8), 12345);
	wire_put16(testing_at(&t, at + 10, 2), 0xffff);
	wire_put16(testing_at(&t, at + 20, 2), 5);
	wire_put64(testing_at(&t, at + 22, 8), 99);
	expect(!balloon_ask_stats(t.device));
	ask(&t, 2, (struct testing_seg){ at, 35, false }, false);
	balloon_get_stats(t.device, &s);
	expect(s.known == (1U << 4 | 1U << 5) && s.value[4] == 12345 && s.value[5] == 99);
	expect(testing_move(&t, balloon_new(&e)) == 0); /* the buffer stays held */
	expect(balloon_ask_stats(t.device) && !balloon_ask_stats(t.device));
	expect(testing_used(&t, 2, &head, &n) && n == 0);
	testing_end(&t);
}

TEST(statistics_that_were_there_before_the_device_was_live_are_seen)
{
	struct balloon_stats s;
	struct testing t;
	struct testing_seg seg = { 0 };
	uint8_t *raw;

	begin(&t);
	expect(t.later >> 2 & 1);
	seg = (struct testing_seg){ testing_alloc(&t, 10, 2), 10, false };
	raw = testing_at(&t, seg.at, 10);
	wire_put16(raw, 5);
	wire_put64(raw + 2, 77);
	(void)testing_add(&t, 2, &seg, 1);
	/* what was asked for is done after the kick of another queue */
	testing_kick(&t, 1);
	balloon_get_stats(t.device, &s);
	expect(s.known == 1U << 5 && s.value[5] == 77);
	testing_end(&t);
}

TEST(a_target_is_told_and_the_driver_writes_what_it_reached)
{
	struct balloon_stats s;
	struct testing t;
	uint8_t c[8] = { 0 };

	begin(&t);
	balloon_set_target(t.device, 1000);
	expect(t.config_interrupts == 1);
	virtio_read_config(t.device, 0, c, 4);
	expect(wire_get32(c) == 1000);
	wire_put32(c, 900);
	virtio_write_config(t.device, 4, c, 4);
	virtio_write_config(t.device, 0, c, 4); /* not the driver's */
	balloon_get_stats(t.device, &s);
	expect(s.actual == 900 && s.target == 1000);
	testing_end(&t);
}
