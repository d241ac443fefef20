/* SPDX-License-Identifier: Apache-2.0 */
/* stub-stop.c - programs that can't be stopped, or stop in their own way. */
#include "stub.h"

#include <sched.h>
#include <sys/wait.h>

static void spin(void)
{
	for (;;)
		out->beat++;
}

static void trick_blocked_run(void)
{
	if (sigreturn_at())
		forged_return((unsigned long)spin, -1UL, NULL);
}

/*
 * Sleeps in the stub, where it may sleep, and lets nothing wake it. It may not fault on the
 * way, so all is made ready before.
 */
static struct entry asleep_at;

static void sleeper(void)
{
	*(volatile uint32_t *)asleep_at.rdi = 0;
	enter(&asleep_at);
}

static void trick_sleep_run(void)
{
	unsigned long word = data + (stock ? STOCK_FUTEX : OUR_GO), at;

	at = stock ? calls[0] : futex_at(0);
	if (!at || !sigreturn_at())
		return;
	asleep_at = (struct entry){ .rax = SYS_futex,
		.rdi = word,
		.rbx = data,
		.rip = at,
		.cs = 0x33,
		.flags = 0x202,
		.rsp = (unsigned long)&scratch[1024],
		.ss = 0x2b };
	memset(scratch, 1, sizeof(scratch));
	forged_return((unsigned long)sleeper, -1UL, NULL);
}

/* A program that is not to be stopped: does anybody else get on, and does it end? */
static void unstoppable(void (*run)(void), int sig)
{
	uint64_t begin = now_ms(), last = begin, gap = 0;
	pid_t pid = child(run);
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0 && now_ms() - begin < 6000) {
		uint64_t now = now_ms();

		if (now - last > gap)
			gap = now - last;
		last = now;
		usleep(2000);
	}
	if (now_ms() - last > gap)
		gap = now_ms() - last;
	if (!out->tried)
		return;
	if (gap > 3000)
		escaped("nobody else ran for %llu ms", (unsigned long long)gap);
	if (now_ms() - begin >= 6000) {
		kill(pid, SIGKILL);
		escaped("it still runs, and can't be stopped");
	} else if (!WIFSIGNALED(status) || (sig && WTERMSIG(status) != sig)) {
		escaped("it ended with state %#x", (unsigned int)status);
	}
	printf("# longest wait of another process: %llu ms, state %#x\n",
		(unsigned long long)gap, (unsigned int)status);
}

/* The host kills a process that faults with the signal blocked. */
static void fault(void)
{
	__asm__ volatile("movl $0, 8");
}

static void trick_death_run(void)
{
	if (sigreturn_at())
		forged_return((unsigned long)fault, -1UL, NULL);
}

/* ... also when another thread of it is in the kernel. */
static int asleep(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return 0;
}

static void trick_death_threads_run(void)
{
	static char stacks[4][65536];

	for (int i = 0; i < 4; i++)
		clone(asleep, stacks[i] + sizeof(stacks[i]) - 64,
			CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				CLONE_SYSVSEM,
			NULL);
	usleep(20000);
	trick_death_run();
}

/* Frames go to memory of ours from now on: the kernel must not believe a word of them. */
static void after_move(void)
{
	for (int i = 0; i < 50; i++) {
		__asm__ volatile("syscall" ::"a"(SYS_getppid) : "rcx", "r11", "memory");
		for (unsigned long at = 0; at < 2 * PAGE; at += 8)
			*(volatile unsigned long *)(data + 128 + at % (2 * PAGE - 128)) =
				at * 77;
	}
	_exit(0);
}

void trick_stack(void)
{
	static char own[65536] __attribute__((aligned(4096)));

	if (sigreturn_at())
		forged_return((unsigned long)after_move, 0, own);
}

void trick_blocked(void)
{
	unstoppable(trick_blocked_run, SIGKILL);
}

void trick_sleep(void)
{
	unstoppable(trick_sleep_run, SIGKILL);
}

void trick_death(void)
{
	unstoppable(trick_death_run, 0);
	unstoppable(trick_death_threads_run, 0);
}
