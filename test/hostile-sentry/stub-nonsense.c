/* SPDX-License-Identifier: Apache-2.0 */
/* stub-nonsense.c - random words where the kernel reads the stub's. */
#include "stub.h"

static uint64_t seed;

static uint64_t some(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void nonsense_word(void)
{
	static const uint32_t values[] = { 0, 1, -1U, 4, 5, 7, 8, 11, 14, 29, 31, 133,
		255, 4096, 8191, 0x7fffffff, 0x80000000 };
	unsigned long at = some() % 3 ? some() % 256 : some() % (2 * PAGE);

	if (stock && some() % 2)
		at = 3970 + some() % 100;
	*(volatile uint32_t *)(data + (at & ~3UL)) = some() % 2
		? values[some() % (sizeof(values) / sizeof(*values))]
		: (uint32_t)some();
}

static void trick_nonsense_run(void)
{
	static const int numbers[] = { SYS_getppid, SYS_brk, SYS_sched_yield, -1,
		SYS_munmap, 1 << 30, 0x7fffffff, SYS_rt_sigreturn, SYS_mmap, SYS_ptrace };

	seed = now_ms() * 2654435761U + (uint64_t)getpid();
	out->tried = 1;
	/* no handlers here: whatever it does to itself, it ends by it */
	for (const int *s = (const int[]){ SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE,
		     SIGSYS, 0 };
		*s; s++)
		signal(*s, SIG_DFL);
	for (int round = 0; round < 200; round++) {
		const unsigned long a[3] = { some(), some() % 100000, some() };

		for (unsigned int n = some() % 40; n; n--)
			nonsense_word();
		switch (some() % 4) {
		case 0:
			forge_signal((int)(some() % 70), numbers[some() % 10], some(), a);
			nonsense_word();
			forge_stop();
			for (volatile unsigned long i = some() % 100000; i; i--)
				;
			break;
		case 1:
			forge_signal(SIGSEGV, 0, some(), a);
			forge_stop();
			break;
		default: syscall(SYS_getppid); break;
		}
	}
	_exit(0);
}

void trick_nonsense(void)
{
	uint64_t end = now_ms() + 5000;
	unsigned int runs = 0;

	while (now_ms() < end) {
		child_wait(child(trick_nonsense_run), 3000);
		runs++;
	}
	printf("# %u processes of nonsense\n", runs);
}
