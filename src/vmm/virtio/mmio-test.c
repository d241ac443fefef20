/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/mmio.h"

#include "base/test.h"
#include "vmm/virtio/testing.h"
#include "vmm/virtio/toy.h"

#include <errno.h>
#include <linux/virtio_mmio.h>

static struct mmio_slot slot;
static uint8_t ram[65536] __attribute__((aligned(4096)));
static const struct guest_memory memory = { .host = ram, .size = sizeof(ram), .fd = -1 };
static unsigned raised;

static void on_raise(void *data, unsigned irq)
{
	(void)data;
	expect(irq == 5);
	raised++;
}

static void on_interrupt(struct virtio_device *d, uint32_t why)
{
	mmio_slot_interrupt(d->host_data, why);
}

static int on_watch(struct virtio_device *d, int fd, uint32_t events)
{
	(void)d;
	(void)fd;
	(void)events;
	return 0;
}

static void on_later(struct virtio_device *d, unsigned queue)
{
	(void)d;
	(void)queue;
}

static const struct virtio_host host = { on_interrupt, on_watch, on_later };

static void attach(struct virtio_device *d)
{
	mmio_slot_init(&slot, d);
	slot.irq = 5;
	slot.raise = on_raise;
	virtio_attach(d, &memory, &host, &slot);
}

static uint32_t get(uint32_t off)
{
	uint32_t v;

	mmio_slot_read(&slot, off, &v, 4);
	return v;
}

static void put(uint32_t off, uint32_t v)
{
	mmio_slot_write(&slot, off, &v, 4);
}

static void put_queue(unsigned i, uint64_t at)
{
	put(VIRTIO_MMIO_QUEUE_SEL, i);
	put(VIRTIO_MMIO_QUEUE_NUM, 8);
	put(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)at);
	put(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)at + 0x400);
	put(VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)at + 0x800);
	put(VIRTIO_MMIO_QUEUE_READY, 1);
}

static void agree(uint32_t low)
{
	put(VIRTIO_MMIO_STATUS, 1);
	put(VIRTIO_MMIO_STATUS, 3);
	put(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	put(VIRTIO_MMIO_DRIVER_FEATURES, low);
	put(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	put(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	put(VIRTIO_MMIO_STATUS, 11);
}

static struct toy *begin(void)
{
	struct virtio_device *d = toy_new();

	raised = 0;
	memset(ram, 0, sizeof(ram));
	attach(d);
	return (struct toy *)d;
}

TEST(a_driver_finds_the_device_and_brings_it_up)
{
	struct toy *t = begin();

	expect(get(0) == 0x74726976 && get(4) == 2 && get(8) == 42);
	put(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	expect(get(VIRTIO_MMIO_DEVICE_FEATURES) == (1U << 3 | 1U << 28 | 1U << 29));
	put(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	expect(get(VIRTIO_MMIO_DEVICE_FEATURES) == 1);
	put(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	expect(get(VIRTIO_MMIO_DEVICE_FEATURES) == 0);
	agree(8);
	expect(get(VIRTIO_MMIO_STATUS) == 11);
	expect(get(VIRTIO_MMIO_QUEUE_NUM_MAX) == 64);
	put(VIRTIO_MMIO_QUEUE_SEL, 2);
	expect(get(VIRTIO_MMIO_QUEUE_NUM_MAX) == 0);
	put_queue(0, 0x1000);
	put_queue(1, 0x2000);
	expect(get(VIRTIO_MMIO_QUEUE_READY) == 1);
	put(VIRTIO_MMIO_STATUS, 15);
	expect(get(VIRTIO_MMIO_STATUS) == 15 && t->activated == 1);
	expect(t->d.features == (8 | VQ_F_VERSION_1) && virtqueue_live(&t->d.queues[1]));
	expect(get(0x0b0) == UINT32_MAX && get(0x0bc) == UINT32_MAX);
	toy_free(&t->d);
}

TEST(features_that_are_not_offered_or_no_version_1_are_not_agreed_on)
{
	struct toy *t = begin();

	agree(1);
	expect(get(VIRTIO_MMIO_STATUS) == 3);
	put(VIRTIO_MMIO_STATUS, 15);
	expect(get(VIRTIO_MMIO_STATUS) == 3 && t->activated == 0);
	put(VIRTIO_MMIO_STATUS, 0);
	put(VIRTIO_MMIO_STATUS, 3);
	put(VIRTIO_MMIO_STATUS, 11);
	expect(get(VIRTIO_MMIO_STATUS) == 3);
	put(VIRTIO_MMIO_STATUS, 7);
	expect(get(VIRTIO_MMIO_STATUS) == 3 && t->activated == 0);
	toy_free(&t->d);
}

TEST(queues_are_frozen_outside_of_their_time)
{
	struct toy *t = begin();

	put_queue(0, 0x1000); /* too early */
	expect(get(VIRTIO_MMIO_QUEUE_READY) == 0 && t->d.queues[0].config.size == 0);
	agree(0);
	put_queue(0, 0x1000);
	put_queue(1, 0x2000);
	put(VIRTIO_MMIO_STATUS, 15);
	put(VIRTIO_MMIO_QUEUE_SEL, 0);
	put(VIRTIO_MMIO_QUEUE_NUM, 64);
	put(VIRTIO_MMIO_QUEUE_READY, 0);
	put(VIRTIO_MMIO_QUEUE_USED_LOW, 0xfff0);
	put(VIRTIO_MMIO_DRIVER_FEATURES, 0);
	expect(t->d.queues[0].size == 8 && t->d.queues[0].config.size == 8);
	expect(t->d.queues[0].config.device == 0x1800 &&
		t->d.queues[0].config.ready == 1);
	expect(t->d.features == VQ_F_VERSION_1);
	toy_free(&t->d);
}

TEST(status_bits_do_not_go_away_one_by_one)
{
	struct toy *t = begin();

	agree(0);
	put(VIRTIO_MMIO_STATUS, 1);
	put(VIRTIO_MMIO_STATUS, 4);
	expect(get(VIRTIO_MMIO_STATUS) == 11);
	put(VIRTIO_MMIO_STATUS, 0xffffff00);
	expect(get(VIRTIO_MMIO_STATUS) == 0 && t->resets == 1);
	toy_free(&t->d);
}

TEST(a_bad_queue_needs_a_reset_and_comes_up_after_it)
{
	struct toy *t = begin();

	agree(0);
	put_queue(0, 0x1004);
	put(VIRTIO_MMIO_STATUS, 15);
	expect(get(VIRTIO_MMIO_STATUS) == (15 | 64) && t->activated == 0 && raised == 1);
	expect(get(VIRTIO_MMIO_INTERRUPT_STATUS) == 2);
	put(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	put(VIRTIO_MMIO_STATUS, 0);
	expect(get(VIRTIO_MMIO_STATUS) == 0 && get(VIRTIO_MMIO_INTERRUPT_STATUS) == 0);
	agree(0);
	put_queue(0, 0x1000);
	put_queue(1, 0x2000);
	put(VIRTIO_MMIO_STATUS, 15);
	expect(get(VIRTIO_MMIO_STATUS) == 15);
	toy_free(&t->d);
}

TEST(interrupts_are_seen_until_they_are_acknowledged)
{
	struct toy *t = begin();

	mmio_slot_interrupt(&slot, VIRTIO_INT_USED);
	mmio_slot_interrupt(&slot, VIRTIO_INT_CONFIG);
	expect(raised == 2 && get(VIRTIO_MMIO_INTERRUPT_STATUS) == 3);
	put(VIRTIO_MMIO_INTERRUPT_ACK, 1);
	expect(get(VIRTIO_MMIO_INTERRUPT_STATUS) == 2);
	toy_free(&t->d);
}

TEST(odd_accesses_read_zero_and_write_nothing)
{
	struct toy *t = begin();
	uint64_t wide = UINT64_MAX;
	uint8_t byte = 3;

	mmio_slot_read(&slot, 0, &wide, 8);
	expect(wide == 0);
	mmio_slot_read(&slot, 1, &wide, 4);
	expect(wide == 0);
	mmio_slot_write(&slot, VIRTIO_MMIO_STATUS, &byte, 1);
	expect(get(VIRTIO_MMIO_STATUS) == 0);
	put(VIRTIO_MMIO_QUEUE_NOTIFY, 77);
	put(VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX);
	expect(get(VIRTIO_MMIO_QUEUE_READY) == 0);
	toy_free(&t->d);
}

TEST(the_configuration_has_bounds)
{
	struct toy *t = begin();
	uint64_t v = 0x1122334455667788ULL;

	mmio_slot_write(&slot, 0x108, &v, 8);
	expect(t->config[15] == 0x11);
	mmio_slot_write(&slot, 0x109, &v, 8);
	expect(t->config[9] == 0x77);
	mmio_slot_read(&slot, 0x10f, &v, 2);
	expect((uint16_t)v == 0);
	mmio_slot_read(&slot, 0xff8, &v, 8);
	expect(v == 0);
	toy_free(&t->d);
}

TEST(a_slot_that_was_saved_goes_on_in_another)
{
	struct toy *t = begin();
	struct buf state = { 0 };

	agree(8);
	put_queue(0, 0x1000);
	put_queue(1, 0x2000);
	put(VIRTIO_MMIO_STATUS, 15);
	t->config[3] = 9;
	mmio_slot_interrupt(&slot, VIRTIO_INT_USED);
	expect(mmio_slot_save(&slot, &state) == 0);
	toy_free(&t->d);
	for (size_t n = 0; n <= state.len; n++) {
		struct span from = { (const uint8_t *)state.data, n };
		struct virtio_device *d = toy_new();

		attach(d);
		raised = 0;
		expect((mmio_slot_restore(&slot, &from) == 0) == (n == state.len));
		if (n == state.len) {
			expect(get(VIRTIO_MMIO_STATUS) == 15 && raised == 1);
			expect(get(VIRTIO_MMIO_INTERRUPT_STATUS) == 1);
			expect(((struct toy *)d)->config[3] == 9);
			expect(d->queues[0].size == 8 &&
				d->features == (8 | VQ_F_VERSION_1));
		}
		toy_free(d);
	}
	buf_clear(&state);
}

TEST(the_harness_drives_a_device)
{
	struct testing t;
	uint16_t head, got;
	uint32_t len;

	testing_begin(&t, toy_new(), 1 << 20);
	for (unsigned round = 0; round < 2; round++) {
		expect(testing_start(&t, ~0ULL));
		uint64_t out = testing_alloc(&t, 8, 1), in = testing_alloc(&t, 8, 1);

		memcpy(testing_at(&t, out, 8), "testing", 8);
		head = testing_add(&t, 1,
			(struct testing_seg[]){ { out, 8, false }, { in, 8, true } }, 2);
		testing_kick(&t, 1);
		expect(testing_used(&t, 1, &got, &len) && got == head && len == 8);
		expect_str(testing_at(&t, in, 8), "testing");
		expect(!testing_used(&t, 1, &got, &len) && t.interrupts == round * 2 + 1);
		expect(testing_move(&t, toy_new()) == 0);
		head = testing_add_indirect(&t, 1,
			(struct testing_seg[]){ { in, 3, false }, { out, 8, true } }, 2);
		testing_kick(&t, 1);
		expect(testing_used(&t, 1, &got, &len) && got == head && len == 3);
	}
	testing_end(&t);
}
