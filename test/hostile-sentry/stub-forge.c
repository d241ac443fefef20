/* SPDX-License-Identifier: Apache-2.0 */
/* stub-forge.c - what the stub would say, said by the program. */
#include "stub.h"

#include <ucontext.h>

#define SPINS (1UL << 31)

static void wake_and_return(void);

/* What the stub would have written, had there been a signal. */
void forge_signal(int sig, int syscall_nr, unsigned long cr2, const unsigned long a[3])
{
	unsigned long si, mctx;
	siginfo_t *info;
	mcontext_t *mc;

	/* a fault between here and the end would say something else, so have them before */
	if (!stock && !out->forged)
		wake_and_return();
	out->forged = 1;
	if (stock) {
		si = *(volatile uint16_t *)(data + STOCK_SI) + PAGE;
		mctx = *(volatile uint16_t *)(data + STOCK_MCTX) + PAGE;
	} else {
		si = *(volatile uint32_t *)(data + OUR_SI);
		mctx = *(volatile uint32_t *)(data + OUR_MCTX);
	}
	info = (siginfo_t *)(data + si % (2 * PAGE));
	mc = (mcontext_t *)(data + mctx % (2 * PAGE));
	if (sig == SIGSYS) {
		info->si_syscall = syscall_nr;
		info->si_arch = 0xc000003e;
		mc->gregs[REG_RAX] = syscall_nr;
		mc->gregs[REG_RDI] = (greg_t)a[0];
		mc->gregs[REG_RSI] = (greg_t)a[1];
		mc->gregs[REG_RDX] = (greg_t)a[2];
	} else {
		mc->gregs[REG_CR2] = (greg_t)cr2;
		mc->gregs[REG_ERR] = 6; /* a write of the program's */
		mc->gregs[REG_TRAPNO] = 14;
	}
	*(volatile int *)(data + (stock ? STOCK_SIGNAL : OUR_SIGNAL)) = sig;
}

/* An instruction that is followed by a return can be called. Stock has one. */
unsigned long gadget(void)
{
	for (unsigned int i = 0; i < ncalls; i++)
		if (*(uint8_t *)(calls[i] + 2) == 0xc3)
			return calls[i];
	return 0;
}

long gadget_call(long nr, const unsigned long a[6])
{
	unsigned long at = gadget();
	register unsigned long r10 __asm__("r10") = a[3];
	register unsigned long r8 __asm__("r8") = a[4];
	register unsigned long r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("call *%[at]"
			 : "=a"(ret)
			 : "0"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8),
			 "r"(r9), [at] "b"(at)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The host's, as rt_sigreturn() reads it at %rsp. */
struct frame {
	unsigned long flags, link;
	stack_t stack;
	unsigned long r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax,
		rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	unsigned long err, trapno, oldmask, cr2, fpstate, reserved[8];
	unsigned long mask;
	char siginfo[128];
};

static struct frame forged;

/* The first instruction after mov $202,%eax and mov $OP,%esi, which is futex. */
unsigned long futex_at(unsigned int op)
{
	const char mov[5] = { '\xbe', (char)op, 0, 0, 0 };

	for (unsigned int i = 0; i < ncalls; i++)
		if (memmem((void *)(calls[i] - 24), 24, "\xb8\xca\0\0\0", 5) &&
			memmem((void *)(calls[i] - 24), 24, mov, 5))
			return calls[i];
	return 0;
}

static sigjmp_buf again;

static void landed(void)
{
	siglongjmp(again, 1);
}

/*
 * Wakes the kernel, by the instruction that does it, and comes back. Behind that one, the
 * code looks for leave to go on, which it finds in memory of ours, and returns from a signal
 * as we say.
 */
static void wake_and_return(void)
{
	static unsigned long own[4096];
	static struct {
		uint32_t go, rest[63];
	} leave;

	leave.go = 1;
	own[4000] = 1;
	forged = (struct frame){ .flags = 6,
		.stack = { .ss_sp = (void *)(data + 128), .ss_size = 2 * PAGE - 128 },
		.rip = (unsigned long)landed,
		.rsp = (unsigned long)&own[4001],
		.eflags = 0x202,
		.cs = 0x33,
		.ss = 0x2b };
	if (!sigsetjmp(again, 0))
		enter(&(struct entry){ .rax = SYS_futex,
			.rdi = data + OUR_STOPPED,
			.rsi = 1,
			.rdx = 1,
			.rbx = (unsigned long)&leave,
			.rip = futex_at(1),
			.cs = 0x33,
			.flags = 0x202,
			.rsp = (unsigned long)&forged - 8,
			.ss = 0x2b });
}

/* Says that we stopped, and doesn't. */
void forge_stop(void)
{
	if (stock) {
		__atomic_store_n((uint32_t *)(data + STOCK_FUTEX), 1, __ATOMIC_SEQ_CST);
		gadget_call(SYS_futex, ARGS(data + STOCK_FUTEX, 1, 1));
	} else {
		__atomic_store_n((uint32_t *)(data + OUR_GO), 0, __ATOMIC_SEQ_CST);
		__atomic_store_n((uint32_t *)(data + OUR_STOPPED), 1, __ATOMIC_SEQ_CST);
		wake_and_return();
	}
}

/* Whether the kernel lets us go on after that. */
static int let_go(void)
{
	if (stock)
		return __atomic_load_n(
			       (uint32_t *)(data + STOCK_FUTEX), __ATOMIC_SEQ_CST) == 0;
	return __atomic_load_n((uint32_t *)(data + OUR_GO), __ATOMIC_SEQ_CST) != 0 ||
		__atomic_load_n((uint32_t *)(data + OUR_STOPPED), __ATOMIC_SEQ_CST) == 0;
}

int spin_until_let_go(void)
{
	for (unsigned long i = 0; i < SPINS; i++)
		if (let_go())
			return 1;
	return 0;
}

/* The instruction that is set up for rt_sigreturn: mov $15,%eax before it. */
unsigned long sigreturn_at(void)
{
	for (unsigned int i = 0; i < ncalls; i++)
		if (!memcmp((void *)(calls[i] - 5), "\xb8\x0f\0\0\0", 5))
			return calls[i];
	return 0;
}

/* Returns from a signal that never was, to @to, with signals blocked or a stack of ours. */
void forged_return(unsigned long to, unsigned long mask, void *stack)
{
	static unsigned long own[4096];

	memset(own, 1, sizeof(own));
	forged = (struct frame){ .flags = 6, /* SS is in it, and meant */
		.stack = { .ss_sp = stack,
			.ss_flags = stack ? 0 : SS_DISABLE,
			.ss_size = stack ? 65536 : 0 },
		.rip = to,
		.rsp = (unsigned long)&own[4000],
		.eflags = 0x202,
		.cs = 0x33,
		.ss = 0x2b,
		.mask = mask };
	out->tried = 1;
	enter(&(struct entry){ .rax = SYS_rt_sigreturn,
		.rip = sigreturn_at(),
		.cs = 0x33,
		.flags = 0x202,
		.rsp = (unsigned long)&forged,
		.ss = 0x2b });
}
