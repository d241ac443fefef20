/* SPDX-License-Identifier: Apache-2.0 */
/* stub-enter.c - jumps into the stub. */
#include "stub.h"

#define FLAG_TRAP 0x100UL

__attribute__((naked, noreturn)) void enter(const struct entry *e)
{
	(void)e;
	__asm__("pushq 17*8(%rdi)\n"
		"pushq 16*8(%rdi)\n"
		"pushq 15*8(%rdi)\n"
		"pushq 14*8(%rdi)\n"
		"pushq 13*8(%rdi)\n"
		"movq 0*8(%rdi), %rax\n"
		"movq 2*8(%rdi), %rsi\n"
		"movq 3*8(%rdi), %rdx\n"
		"movq 4*8(%rdi), %r10\n"
		"movq 5*8(%rdi), %r8\n"
		"movq 6*8(%rdi), %r9\n"
		"movq 7*8(%rdi), %rbx\n"
		"movq 8*8(%rdi), %rbp\n"
		"movq 9*8(%rdi), %r12\n"
		"movq 10*8(%rdi), %r13\n"
		"movq 11*8(%rdi), %r14\n"
		"movq 12*8(%rdi), %r15\n"
		"movq 1*8(%rdi), %rdi\n"
		"iretq\n");
}

unsigned long scratch[2048] __attribute__((aligned(4096)));

/*
 * One call at that instruction. Returns whether the host carried it out. What the stub's
 * code does next with our registers is to fault, which may come before the trap, and shows
 * the flag. A signal that ends a call of the guest's shows it, too: the alarm, for pause().
 */
int host_calls(unsigned long ip, long nr, const unsigned long a[6])
{
	struct entry e = { .rax = (unsigned long)nr,
		.rdi = a[0],
		.rsi = a[1],
		.rdx = a[2],
		.r10 = a[3],
		.r8 = a[4],
		.r9 = a[5],
		.rbx = 8,
		.r12 = 8,
		.rip = ip,
		.cs = 0x33,
		.flags = 0x202 | FLAG_TRAP,
		.rsp = 8,
		.ss = 0x2b };

	caught = 0;
	alarm_ms(20);
	if (!sigsetjmp(back, 1))
		enter(&e);
	alarm_ms(0);
	out->tried = 1;
	return caught == SIGTRAP || (caught != SIGALRM && (caught_flags & FLAG_TRAP));
}
