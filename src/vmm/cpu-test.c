/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/cpu.h"

#include "base/err.h"
#include "base/test.h"

static struct kvm_cpuid_entry2 *find(
	struct cpu_features *f, uint32_t function, uint32_t index)
{
	static struct kvm_cpuid_entry2 none;

	for (unsigned i = 0; i < f->head.nent; i++)
		if (f->entry[i].function == function && f->entry[i].index == index)
			return &f->entry[i];
	return &none;
}

static struct cpu_features amd(void)
{
	return (struct cpu_features){ .head.nent = 8,
		.entry = { { .function = 0, .eax = 0x10, .ebx = 0x68747541 },
			{ .function = 1,
				.ebx = 0x12345678,
				.ecx = 1 << 5,
				.edx = 1 << 28 },
			{ .function = 0xb, .index = 0, .eax = 1 },
			{ .function = 0x40000000, .eax = 0x40000001 },
			{ .function = 0x40000001, .eax = UINT32_MAX, .edx = 1 },
			{ .function = 0x80000001, .ecx = 1 << 2 | 1 << 23 | 1 },
			{ .function = 0x80000008, .ecx = 0x7fff },
			{ .function = 0x8000001e, .eax = 99, .ebx = 0x100 } } };
}

TEST(each_cpu_is_a_core_with_a_number_of_its_own)
{
	for (unsigned cpus = 1; cpus <= 32; cpus *= 2) {
		struct cpu_features f = amd();
		unsigned id = cpus - 1;

		cpu_normalise(&f, id, cpus, 0);
		expect(find(&f, 1, 0)->ebx >> 24 == id);
		expect((find(&f, 1, 0)->ebx >> 16 & 0xff) == cpus);
		expect((find(&f, 1, 0)->edx >> 28 & 1) == (cpus > 1));
		expect(find(&f, 0xb, 0)->edx == id && find(&f, 0xb, 0)->ebx == 1);
		expect(find(&f, 0xb, 1)->ebx == cpus &&
			1U << find(&f, 0xb, 1)->eax == cpus);
		expect(find(&f, 0xb, 1)->ecx == 0x201);
		expect(find(&f, 0x80000008, 0)->ecx % 256 == cpus - 1);
		expect(find(&f, 0x8000001e, 0)->eax == id);
	}
}

TEST(virtualisation_and_counters_are_taken_away_and_the_guest_told_that_it_is_one)
{
	struct cpu_features f = amd();

	cpu_normalise(&f, 0, 1, 0);
	expect(!(find(&f, 1, 0)->ecx & 1 << 5));
	expect(find(&f, 1, 0)->ecx >> 31 == 1 && find(&f, 1, 0)->ecx >> 24 & 1);
	expect(find(&f, 0x80000001, 0)->ecx == 1);
	expect(!(find(&f, 0x40000001, 0)->eax & 1 << 15) &&
		find(&f, 0x40000001, 0)->eax & 1);
	expect(find(&f, 0x40000001, 0)->edx == 0);
	expect(!find(&f, 0x40000010, 0)->function &&
		find(&f, 0x40000000, 0)->eax == 0x40000001);
}

TEST(the_clock_has_the_frequency_that_kvm_tells)
{
	struct cpu_features f = amd();

	cpu_normalise(&f, 0, 1, 2600000);
	expect(find(&f, 0x40000010, 0)->eax == 2600000);
	expect(find(&f, 0x40000010, 0)->ebx == 1000000);
	expect(find(&f, 0x40000000, 0)->eax == 0x40000010);
	expect(find(&f, 0x15, 0)->function == 0);
	f = amd();
	find(&f, 0, 0)->eax = 0x1f;
	cpu_normalise(&f, 0, 1, 2600001);
	struct kvm_cpuid_entry2 *c = find(&f, 0x15, 0);

	expect((uint64_t)c->ecx * c->ebx / c->eax == 2600001000ULL);
	expect(find(&f, 0x1f, 2)->function == 0x1f);
}

TEST(a_table_that_is_full_stays_within_its_bounds)
{
	static struct cpu_features f;

	f.head.nent = CPU_ENTRIES_MAX;
	f.entry[0].function = 0;
	f.entry[0].eax = 0x20;
	for (unsigned i = 1; i < CPU_ENTRIES_MAX; i++)
		f.entry[i].function = 0x80001000 + i;
	cpu_normalise(&f, 3, 4, 1000);
	expect(f.head.nent == CPU_ENTRIES_MAX);
}
