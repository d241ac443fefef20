/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/mptable.h"

#include "vmm/ioapic.h"

#include <errno.h>
#include <string.h>

#define LAPIC_ADDRESS 0xfee00000U
#define LAPIC_VERSION 0x14U
#define BUS_ISA       0U

struct floating { /* 4.1 */
	char signature[4];
	uint32_t table;
	uint8_t length, revision, checksum, features[5];
} __attribute__((packed));

struct header { /* 4.2 */
	char signature[4];
	uint16_t length;
	uint8_t revision, checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_length, entries;
	uint32_t lapic;
	uint16_t extended_length;
	uint8_t extended_checksum, reserved;
} __attribute__((packed));

enum { ENTRY_CPU, ENTRY_BUS, ENTRY_IOAPIC, ENTRY_INTERRUPT, ENTRY_LOCAL };

struct cpu { /* 4.3.1 */
	uint8_t type, apic, version, flags;
	uint32_t signature, features, reserved[2];
} __attribute__((packed));

struct bus { /* 4.3.2 */
	uint8_t type, id;
	char name[6];
} __attribute__((packed));

struct io_apic { /* 4.3.3 */
	uint8_t type, id, version, flags;
	uint32_t address;
} __attribute__((packed));

struct interrupt { /* 4.3.4, 4.3.5 */
	uint8_t type, kind;
	uint16_t flags;
	uint8_t bus, irq, apic, pin;
} __attribute__((packed));

enum { KIND_INT, KIND_NMI, KIND_SMI, KIND_EXTINT };

#define FLAG_ENABLED  1U
#define FLAG_BOOT     2U
#define EDGE_HIGH     0x5U /* active high, by edge: 4.3.4 */
#define APIC_ALL      0xffU
#define CPU_SIGNATURE 0x600U
#define CPU_FEATURES  0x201U /* an FPU and an APIC */

struct writer {
	uint8_t bytes[MPTABLE_BYTES];
	size_t len;
	uint16_t entries;
};

static void add(struct writer *w, const void *entry, size_t n)
{
	memcpy(w->bytes + w->len, entry, n);
	w->len += n;
	w->entries++;
}

static uint8_t checksum(const void *from, size_t n)
{
	const uint8_t *at = from;
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + at[i]);
	return (uint8_t)-sum;
}

static void add_entries(struct writer *w, unsigned cpus)
{
	/* the IOAPIC's number is one that no CPU has */
	uint8_t ioapic = (uint8_t)cpus;

	for (unsigned i = 0; i < cpus; i++)
		add(w,
			&(struct cpu){ .type = ENTRY_CPU,
				.apic = (uint8_t)i,
				.version = LAPIC_VERSION,
				.flags = FLAG_ENABLED | (i ? 0 : FLAG_BOOT),
				.signature = CPU_SIGNATURE,
				.features = CPU_FEATURES },
			sizeof(struct cpu));
	add(w, &(struct bus){ .type = ENTRY_BUS, .id = BUS_ISA, .name = "ISA   " },
		sizeof(struct bus));
	add(w,
		&(struct io_apic){ .type = ENTRY_IOAPIC,
			.id = ioapic,
			.version = IOAPIC_VERSION,
			.flags = FLAG_ENABLED,
			.address = (uint32_t)IOAPIC_ADDRESS },
		sizeof(struct io_apic));
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		add(w,
			&(struct interrupt){ .type = ENTRY_INTERRUPT,
				.kind = KIND_INT,
				.flags = EDGE_HIGH,
				.bus = BUS_ISA,
				.irq = (uint8_t)i,
				.apic = ioapic,
				.pin = (uint8_t)i },
			sizeof(struct interrupt));
	for (uint8_t pin = 0; pin < 2; pin++)
		add(w,
			&(struct interrupt){ .type = ENTRY_LOCAL,
				.kind = pin ? KIND_NMI : KIND_EXTINT,
				.bus = BUS_ISA,
				.apic = pin ? APIC_ALL : 0,
				.pin = pin },
			sizeof(struct interrupt));
}

_Static_assert(sizeof(struct floating) + sizeof(struct header) +
			MPTABLE_CPUS_MAX * sizeof(struct cpu) + sizeof(struct bus) +
			sizeof(struct io_apic) +
			(IOAPIC_PINS + 2) * sizeof(struct interrupt) <=
		MPTABLE_BYTES,
	"the table has room");

int mptable_write(const struct guest_memory *m, uint64_t at, unsigned cpus)
{
	struct writer w = { .len = sizeof(struct floating) + sizeof(struct header) };
	struct floating f = { .signature = "_MP_", .length = 1, .revision = 4 };
	struct header h = { .signature = "PCMP",
		.revision = 4,
		.oem = "BRIG    ",
		.product = "MICROVM     ",
		.lapic = LAPIC_ADDRESS };

	if (cpus == 0 || cpus > MPTABLE_CPUS_MAX)
		return -E2BIG;
	add_entries(&w, cpus);
	f.table = (uint32_t)(at + sizeof(f));
	f.checksum = checksum(&f, sizeof(f));
	h.length = (uint16_t)(w.len - sizeof(f));
	h.entries = w.entries;
	memcpy(w.bytes, &f, sizeof(f));
	memcpy(w.bytes + sizeof(f), &h, sizeof(h));
	h.checksum = checksum(w.bytes + sizeof(f), h.length);
	memcpy(w.bytes + sizeof(f), &h, sizeof(h));
	return memory_copy_in(m, at, w.bytes, w.len);
}
