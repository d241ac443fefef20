/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/rng.h"

#include "base/err.h"
#include "base/test.h"
#include "vmm/virtio/testing.h"

static void begin(struct testing *t)
{
	struct err e = { 0 };

	testing_begin(t, rng_new(&e), 1 << 20);
	expect(testing_start(t, ~0ULL));
}

TEST(a_buffer_is_filled_with_bytes_that_differ)
{
	struct testing t;
	uint16_t head;
	uint32_t n;
	uint64_t a, b;

	begin(&t);
	a = testing_alloc(&t, 64, 1);
	b = testing_alloc(&t, 64, 1);
	(void)testing_add(
		&t, 0, (struct testing_seg[]){ { a, 64, true }, { b, 60, true } }, 2);
	testing_kick(&t, 0);
	expect(testing_used(&t, 0, &head, &n) && n == 124 && t.interrupts == 1);
	expect(memcmp(testing_at(&t, a, 60), testing_at(&t, b, 60), 60) != 0);
	expect(!memcmp(testing_at(&t, b + 60, 4), "\0\0\0\0", 4));
	testing_end(&t);
}

TEST(a_large_buffer_gets_a_bounded_part_and_a_readable_one_nothing)
{
	struct testing t;
	uint16_t head;
	uint32_t n;
	uint64_t a;

	begin(&t);
	a = testing_alloc(&t, 200000, 1);
	(void)testing_add(&t, 0, &(struct testing_seg){ a, 200000, true }, 1);
	(void)testing_add(&t, 0, &(struct testing_seg){ a, 100, false }, 1);
	testing_kick(&t, 0);
	expect(testing_used(&t, 0, &head, &n) && n == RNG_REQUEST_MAX);
	expect(testing_used(&t, 0, &head, &n) && n == 0);
	testing_end(&t);
}

TEST(a_moved_device_goes_on)
{
	struct err e = { 0 };
	struct testing t;
	uint16_t head;
	uint32_t n;

	begin(&t);
	expect(testing_move(&t, rng_new(&e)) == 0);
	(void)testing_add(&t, 0, &(struct testing_seg){ 0, 16, true }, 1);
	testing_kick(&t, 0);
	expect(testing_used(&t, 0, &head, &n) && n == 16);
	testing_end(&t);
}
