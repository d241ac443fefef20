/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#define SLOW_TURN 2000000U /* of a loop that waits */

__asm__(".section .text.start, \"ax\"\n"
	".globl _start\n"
	"_start:\n"
	"	jmp 0f\n"
	"	.p2align 2\n"
	"seed:	.long 0\n" /* at byte 4: run.py writes it */
	"0:	mov $0x200000, %esp\n"
	"	call enter\n"
	"1:	hlt\n"
	"	jmp 1b\n"
	".text\n");

void say(const char *s)
{
	for (; *s; s++)
		outb(SERIAL, (uint8_t)*s);
}

void say_number(uint32_t v)
{
	char text[12], *at = text + sizeof(text) - 1;

	*at = 0;
	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	say(at);
}

__attribute__((noreturn)) static void off(void)
{
	for (;;)
		outb(PORT_OFF, 0);
}

void fail(const char *why)
{
	say("failed: ");
	say(why);
	say("\n");
	off();
}

void *memset(void *to, int v, size_t n)
{
	volatile uint8_t *at = to;

	while (n--)
		*at++ = (uint8_t)v;
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	volatile uint8_t *at = to;
	const uint8_t *f = from;

	while (n--)
		*at++ = *f++;
	return to;
}

extern const uint32_t seed;
static uint32_t state;

uint32_t any(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

uint32_t below(uint32_t n)
{
	return any() % n;
}

uint32_t odd(void)
{
	static const uint32_t edge[] = { 0, 1, 2, 3, 4095, 4096, 0x7fffffff, 0x80000000, 0xfffff000,
		0xffffffff, RAM - 1, RAM, RAM + 1, RAM - 16, MMIO, IOAPIC, LAPIC, 0xffff, 0x10000 };

	return below(3) ? edge[below(sizeof(edge) / sizeof(*edge))] : any() >> below(32);
}

/* --- another CPU -------------------------------------------------------------------------- */

static void (*volatile other_main)(void);
static volatile uint32_t other_is_up;

__attribute__((used)) static void other_enter(void)
{
	other_is_up = 1;
	other_main();
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* From real mode at 0x8000 to where this CPU is. */
__asm__(".code16\n"
	"other_begin:\n"
	"	cli\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	lgdtl (0x8000 + other_gdtr - other_begin)\n"
	"	mov $1, %eax\n"
	"	mov %eax, %cr0\n"
	"	ljmpl $8, $other_flat\n"
	"	.p2align 3\n"
	"other_gdt:\n"
	"	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
	"other_gdtr:\n"
	"	.word 23\n"
	"	.long 0x8000 + other_gdt - other_begin\n"
	"other_end:\n"
	".code32\n"
	"other_flat:\n"
	"	mov $16, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	mov %eax, %ss\n"
	"	mov $0x180000, %esp\n"
	"	call other_enter\n");
extern const uint8_t other_begin[], other_end[];

void start_other(void (*f)(void))
{
	volatile uint32_t *lapic = (volatile uint32_t *)LAPIC;

	other_main = f;
	memcpy((void *)0x8000, other_begin, (size_t)(other_end - other_begin));
	lapic[0xf0 / 4] = 0x1ff;
	lapic[0x310 / 4] = 1U << 24;
	lapic[0x300 / 4] = 0x4500; /* INIT */
	for (volatile unsigned i = 0; i < 1000; i++)
		;
	lapic[0x310 / 4] = 1U << 24;
	lapic[0x300 / 4] = 0x4608; /* start at page 8 */
	for (uint32_t n = 0; n < SLOW_TURN && !other_is_up; n++)
		fence();
	expect(other_is_up);
}

/* --- what the processor refuses ------------------------------------------------------------ */

volatile uint32_t refused;

/* Two bytes long: rdmsr, wrmsr. The error code is on top. */
__asm__("on_refusal:\n"
	"	incl refused\n"
	"	addl $2, 4(%esp)\n"
	"	addl $4, %esp\n"
	"	iret\n"
	"on_other:\n"
	"	mov $0x600, %dx\n"
	"	out %al, %dx\n"
	"	hlt\n");
void on_refusal(void), on_other(void);

/* Descriptors for the segments that are loaded already, and handlers. */
void catch_refusals(void)
{
	static uint64_t gdt[3] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff }, idt[32];
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) gdtr = { sizeof(gdt) - 1, (uint32_t)gdt },
				  idtr = { sizeof(idt) - 1, (uint32_t)idt };

	for (unsigned i = 0; i < 32; i++) {
		uint64_t at = (uint32_t)(i == 13 ? on_refusal : on_other);

		idt[i] = (at & 0xffff) | 8 << 16 | 0x8e00ULL << 32 | (at >> 16) << 48;
	}
	__asm__ volatile("lgdt %0; lidt %1; ljmp $8, $1f; 1: mov $16, %%eax; mov %%eax, %%ds; "
			 "mov %%eax, %%es; mov %%eax, %%ss"
			 :
			 : "m"(gdtr), "m"(idtr)
			 : "eax", "memory");
}

/* --- begin and end ------------------------------------------------------------------------ */

__attribute__((used)) static void enter(void)
{
	state = 2463534242U ^ (seed * 2654435761U);
	main();
	say("done\n");
	off();
}
