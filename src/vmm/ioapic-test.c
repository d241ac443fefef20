/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/ioapic.h"

#include "base/test.h"

struct seen {
	unsigned n, routes;
	struct ioapic_message last;
	struct ioapic_message routed[IOAPIC_PINS];
};

static int on_send(void *data, const struct ioapic_message *msg)
{
	struct seen *s = data;

	s->n++;
	s->last = *msg;
	return 0;
}

static void on_route(void *data, const struct ioapic_message msg[IOAPIC_PINS])
{
	struct seen *s = data;

	s->routes++;
	memcpy(s->routed, msg, sizeof(s->routed));
}

static void begin(struct ioapic *io, struct seen *s)
{
	*s = (struct seen){ 0 };
	ioapic_init(io);
	io->send = on_send;
	io->route = on_route;
	io->data = s;
}

static void put(struct ioapic *io, uint32_t reg, uint32_t v)
{
	ioapic_write(io, 0, &reg, 4);
	ioapic_write(io, 0x10, &v, 4);
}

static uint32_t get(struct ioapic *io, uint32_t reg)
{
	uint32_t v;

	ioapic_write(io, 0, &reg, 4);
	ioapic_read(io, 0x10, &v, 4);
	return v;
}

TEST(an_edge_becomes_the_message_of_its_entry)
{
	struct ioapic io;
	struct seen s;

	begin(&io, &s);
	put(&io, 0x10 + 2 * 5 + 1, 3U << 24);
	put(&io, 0x10 + 2 * 5, 0x31 | 1 << 8 | 1 << 11);
	ioapic_raise(&io, 5);
	expect(s.n == 1 && s.routes == 0);
	expect(s.last.address == (0xfee00000 | 3 << 12 | 1 << 2));
	expect(s.last.data == (0x31 | 1 << 8) && !s.last.level);
	ioapic_raise(&io, 5);
	expect(s.n == 2);
	ioapic_raise(&io, 24);
	ioapic_raise(&io, 6);
	expect(s.n == 2);
	ioapic_clear(&io);
}

TEST(an_edge_at_a_masked_pin_is_sent_once_when_it_is_unmasked)
{
	struct ioapic io;
	struct seen s;

	begin(&io, &s);
	put(&io, 0x10 + 2 * 7, 0x40 | 1 << 16);
	ioapic_raise(&io, 7);
	ioapic_raise(&io, 7);
	expect(s.n == 0);
	put(&io, 0x10 + 2 * 7, 0x40);
	expect(s.n == 1 && s.last.data == 0x40);
	put(&io, 0x10 + 2 * 7, 0x40);
	expect(s.n == 1);
	ioapic_clear(&io);
}

TEST(a_level_is_sent_again_only_after_its_end)
{
	struct ioapic io;
	struct seen s;

	begin(&io, &s);
	put(&io, 0x10 + 2 * 9, 0x52 | 1 << 15);
	expect(s.routes == 1 && s.routed[9].level &&
		s.routed[9].data == (0x52 | 3 << 14));
	ioapic_raise(&io, 9);
	ioapic_raise(&io, 9);
	expect(s.n == 1 && s.last.data == (0x52 | 3 << 14));
	expect(get(&io, 0x10 + 2 * 9) & 1 << 14);
	ioapic_end(&io, 0x53);
	expect(s.n == 1);
	ioapic_end(&io, 0x52);
	expect(s.n == 2);
	ioapic_end(&io, 0x52);
	expect(s.n == 2 && !(get(&io, 0x10 + 2 * 9) & 1 << 14));
	put(&io, 0x10 + 2 * 9, 0x52);
	expect(s.routes == 2 && !s.routed[9].level);
	ioapic_clear(&io);
}

TEST(messages_that_no_device_sends_go_nowhere)
{
	struct ioapic io;
	struct seen s;

	begin(&io, &s);
	for (uint32_t mode = 0; mode < 8; mode++) {
		put(&io, 0x10, 0x33 | mode << 8);
		ioapic_raise(&io, 0);
	}
	expect(s.n == 3); /* fixed, lowest priority, NMI */
	put(&io, 0x10, 0x0f);
	ioapic_raise(&io, 0);
	expect(s.n == 3);
	ioapic_clear(&io);
}

TEST(registers_tell_number_and_pins_and_refuse_odd_accesses)
{
	struct ioapic io;
	struct seen s;
	uint8_t byte = 0xff;

	begin(&io, &s);
	expect(get(&io, 1) == (0x11 | 23 << 16));
	put(&io, 0, 0xffffffff);
	expect(get(&io, 0) == 0x0f000000);
	put(&io, 0x40, 0xffffffff);
	expect(get(&io, 0x40) == 0 && get(&io, 0xff) == 0);
	ioapic_read(&io, 0x10, &byte, 1);
	expect(byte == 0);
	ioapic_clear(&io);
}

TEST(what_was_saved_is_restored_and_a_bad_state_refused)
{
	struct ioapic a, b;
	struct seen s, t;
	struct buf state = { 0 };

	begin(&a, &s);
	begin(&b, &t);
	put(&a, 0x10 + 2 * 4, 0x41 | 1 << 16);
	ioapic_raise(&a, 4);
	put(&a, 0x10 + 2 * 3, 0x42);
	expect(ioapic_save(&a, &state) == 0);
	for (size_t n = 0; n < state.len; n++) {
		struct span cut = { (const uint8_t *)state.data, n };

		expect(ioapic_restore(&b, &cut) < 0);
	}
	struct span all = { (const uint8_t *)state.data, state.len };

	expect(ioapic_restore(&b, &all) == 0 && all.left == 0);
	expect(t.n == 0);
	put(&b, 0x10 + 2 * 4, 0x41);
	expect(t.n == 1);
	ioapic_raise(&b, 3);
	expect(t.n == 2 && t.last.data == 0x42);
	buf_clear(&state);
	ioapic_clear(&a);
	ioapic_clear(&b);
}
