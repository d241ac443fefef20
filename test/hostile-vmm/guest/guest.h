/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest.h - a kernel of one file that attacks the VMM under it: linked with guest.c, entered at
 * main().
 *
 * It is entered as PVH says: 32 bits, protected mode, no paging, flat segments, one CPU. It
 * says on the serial port what it finds, a line at a time; "done" comes last, and then it
 * switches the machine off. Memory: below 1 MiB scratch, from there to 2 MiB stacks, then the
 * program; the heap from HEAP on, and a WINDOW at the end of RAM for devices to write to.
 */
#ifndef HOSTILE_VMM_GUEST_H
#define HOSTILE_VMM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAM      (32U << 20)
#define HEAP     (8U << 20)
#define WINDOW   (1U << 20)
#define MMIO     0xd0000000U
#define SLOTS    19U
#define IOAPIC   0xfec00000U
#define LAPIC    0xfee00000U
#define SERIAL   0x3f8
#define PORT_OFF 0x600

enum { ID_NET = 1, ID_BLK = 2, ID_RNG = 4, ID_BALLOON = 5, ID_VSOCK = 19, ID_FS = 26 };

void main(void); /* the attack */

/* --- words and numbers ---------------------------------------------------------------------- */

void say(const char *s);
void say_number(uint32_t v);
__attribute__((noreturn)) void fail(const char *why); /* says it, and ends the machine */

#define expect(what)                 \
	do {                         \
		if (!(what))         \
			fail(#what); \
	} while (0)

void *memset(void *to, int v, size_t n);
void *memcpy(void *to, const void *from, size_t n);

/* Numbers that look like chance, the same at each run of the same seed (run.py). */
uint32_t any(void);
uint32_t below(uint32_t n);
uint32_t odd(void); /* one that something may go wrong at */

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "d"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static inline void fence(void)
{
	__asm__ volatile("lock; addl $0, (%%esp)" : : : "memory");
}

/* --- CPUs ----------------------------------------------------------------------------------- */

/* Have the second CPU call this. */
void start_other(void (*f)(void));

/* From here on an instruction of two bytes that the processor refuses (#GP) is passed over, and
 * counted; any other exception ends the machine. */
void catch_refusals(void);
extern volatile uint32_t refused;

#endif
