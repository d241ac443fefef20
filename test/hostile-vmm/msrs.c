/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model-specific registers, read and written at random: those of processors, those by which a
 * hypervisor is asked to write to memory, and numbers that nobody has. The processor refuses or
 * takes them; a CPU that was made unusable ends the machine, and so does the first refusal under a
 * KVM that emulates this code and can't deliver it. Hence many seeds.
 * end: off reset error
 * seeds: 4
 */
#include "guest/virtio.h"

static void read_one(uint32_t n)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(n));
}

static void write_one(uint32_t n, uint32_t low, uint32_t high)
{
	__asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(n) : "memory");
}

static uint32_t number(void)
{
	switch (below(6)) {
	case 0: return below(0x300);
	case 1: return 0xc0000080 + below(0x20);
	case 2: return 0x4b564d00 + below(16); /* KVM's own */
	case 3: return 0x40000000 + below(0x110); /* Hyper-V's */
	case 4: return 0xc0010000 + below(0x200);
	default: return any();
	}
}

/* Where KVM is to write its clock, steal time and so on, of which each ends with flags: RAM, the
 * end of it, or none. */
static void write_kvm(uint32_t n)
{
	uint32_t at = below(2) ? RAM - WINDOW + below(WINDOW) : RAM - 8 + (any() & 0x0fffffff);

	write_one(n, (at & ~63U) | 1, below(2) ? 0 : any());
}

void main(void)
{
	static const uint32_t known[] = { 0x10, 0x1b, 0x277, 0xc0000080, 0x174, 0x175, 0x176 };

	for (unsigned i = 0; i < 50; i++)
		read_one(known[below(sizeof(known) / sizeof(*known))]);
	still_served();
	say("read\n");
	catch_refusals();
	for (unsigned i = 0; i < 20; i++)
		write_kvm(below(2) ? 0x4b564d01 : 0x4b564d00);
	say("written\n");
	still_served();
	read_one(0xdeadbeef);
	expect(refused == 1);
	for (unsigned i = 0; i < 4000; i++)
		read_one(number());
	expect(refused > 100);
	for (unsigned i = 0; i < 4000; i++) {
		uint32_t n = number();

		/* memory that KVM is to write to is not this program's */
		if (n >> 8 == 0x4b564d || n == 0x11 || n == 0x12 || n >> 12 == 0x40000)
			write_kvm(n);
		else
			write_one(n, odd(), below(2) ? 0 : any());
	}
	still_served();
}
