/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/mptable.h"

#include "base/test.h"
#include "base/wire.h"
#include "vmm/ioapic.h"

#include <errno.h>

static uint8_t page[4096];
static const struct guest_memory memory = {
	.host = page, .size = sizeof(page), .fd = -1
};

static uint8_t sum(const uint8_t *at, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *at++);
	return s;
}

TEST(the_table_adds_up_and_names_all_cpus_and_pins)
{
	for (unsigned cpus = 1; cpus <= MPTABLE_CPUS_MAX; cpus++) {
		const uint8_t *f = page + 1024, *h, *at;
		unsigned seen[5] = { 0 }, boot = 0;

		memset(page, 0xee, sizeof(page));
		expect(mptable_write(&memory, 1024, cpus) == 0);
		expect(memcmp(f, "_MP_", 4) == 0 && sum(f, 16) == 0);
		h = page + wire_get32(f + 4);
		expect(memcmp(h, "PCMP", 4) == 0 && sum(h, wire_get16(h + 4)) == 0);
		expect(h + wire_get16(h + 4) <= page + 1024 + MPTABLE_BYTES);
		at = h + 44;
		for (unsigned i = 0; i < wire_get16(h + 34); i++) {
			expect(at[0] < 5);
			boot += at[0] == 0 && at[3] & 2;
			seen[at[0]]++;
			at += at[0] == 0 ? 20 : 8;
		}
		expect(at == h + wire_get16(h + 4) && boot == 1);
		expect(seen[0] == cpus && seen[1] == 1 && seen[2] == 1);
		expect(seen[3] == IOAPIC_PINS && seen[4] == 2);
	}
}

TEST(too_many_cpus_or_no_room_are_refused)
{
	expect(mptable_write(&memory, 0, 0) == -E2BIG);
	expect(mptable_write(&memory, 0, MPTABLE_CPUS_MAX + 1) == -E2BIG);
	expect(mptable_write(&memory, 4000, 1) == -EFAULT);
}
