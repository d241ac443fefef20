/* SPDX-License-Identifier: Apache-2.0 */
/* stub-find.c - the stub, as the program sees it, and the signals that tell about it. */
#include "stub.h"

#include <sys/time.h>
#include <ucontext.h>

#define TOP 0x7ffffffff000UL

unsigned long stub;
unsigned int stub_pages;
unsigned long data;
unsigned long calls[64];
unsigned int ncalls;
int stock;

sigjmp_buf back;
volatile int caught, caught_flags;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	caught = sig;
	caught_flags = (int)uc->uc_mcontext.gregs[REG_EFL];
	siglongjmp(back, 1);
}

void signals_catch(void)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	sigaltstack(&ss, NULL);
	for (const int *s = (const int[]){ SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE,
		     SIGSYS, SIGALRM, 0 };
		*s; s++)
		sigaction(*s, &sa, NULL);
}

void alarm_ms(long ms)
{
	struct itimerval t = { .it_value.tv_usec = ms * 1000 };

	setitimer(ITIMER_REAL, &t, NULL);
}

int can_read(unsigned long at)
{
	if (sigsetjmp(back, 1))
		return 0;
	(void)*(volatile char *)at;
	return 1;
}

/* Writes what is there already, where nothing of the stub's stands. */
int can_write(unsigned long at)
{
	if (sigsetjmp(back, 1))
		return 0;
	*(volatile char *)at = *(volatile char *)at;
	return 1;
}

int stub_find(void)
{
	for (unsigned long at = TOP - 16 * PAGE; at < TOP; at += PAGE) {
		if (!can_read(at))
			continue;
		if (!stub)
			stub = at;
		stub_pages++;
		if (!data && can_write(at + PAGE - 1))
			data = at;
	}
	if (!stub || !data)
		return -1;
	for (unsigned long at = stub; at < stub + PAGE - 2 && ncalls < 64; at++)
		if (((uint8_t *)at)[0] == 0x0f && ((uint8_t *)at)[1] == 0x05)
			calls[ncalls++] = at;
	stock = data == stub + PAGE;
	return ncalls ? 0 : -1;
}
