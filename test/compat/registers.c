/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: vector registers keep what is in them over system calls, signals and other processes
 * Expect: container=yes sentry=yes
 */
#include <cpuid.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "probe.h"

#define PROCESSES 4
#define TURNS     3000

static volatile sig_atomic_t ticks;

static void on_tick(int sig)
{
	/* a handler may use them too */
	volatile double x = sig;

	for (int i = 0; i < 10; i++)
		x = x * 1.5 + i;
	__asm__ volatile(
		"pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15" ::
			: "xmm0", "xmm7", "xmm15");
	ticks++;
}

/* Fill them, enter the kernel, and look. */
static void low(uint64_t seed)
{
	uint64_t in[2] = { seed, ~seed }, out[6];
	long nr = SYS_sched_yield;

	__asm__ volatile(
		"movdqu (%2), %%xmm0; movdqu (%2), %%xmm7; movdqu (%2), %%xmm15\n\t"
		"syscall\n\t"
		"movdqu %%xmm0, (%1); movdqu %%xmm7, 16(%1); movdqu %%xmm15, 32(%1)"
		: "+a"(nr)
		: "r"(out), "r"(in)
		: "rcx", "r11", "memory", "xmm0", "xmm7", "xmm15");
	need(nr == 0);
	for (int i = 0; i < 6; i++)
		need(out[i] == in[i % 2]);
}

__attribute__((target("avx"))) static void high(uint64_t seed)
{
	uint64_t in[4] = { seed, ~seed, seed * 3, seed ^ 0x5555 }, out[8];
	long nr = SYS_sched_yield;

	__asm__ volatile("vmovdqu (%2), %%ymm1; vmovdqu (%2), %%ymm14\n\t"
			 "syscall\n\t"
			 "vmovdqu %%ymm1, (%1); vmovdqu %%ymm14, 32(%1); vzeroupper"
			 : "+a"(nr)
			 : "r"(out), "r"(in)
			 : "rcx", "r11", "memory", "xmm1", "xmm14");
	need(nr == 0);
	for (int i = 0; i < 8; i++)
		need(out[i] == in[i % 4]);
}

__attribute__((target("avx512f"))) static void widest(uint64_t seed)
{
	uint64_t in[8], out[8];
	long nr = SYS_sched_yield;

	for (unsigned i = 0; i < 8; i++)
		in[i] = seed * (2 * i + 1);
	__asm__ volatile("vmovdqu64 (%2), %%zmm30\n\t"
			 "syscall\n\t"
			 "vmovdqu64 %%zmm30, (%1); vzeroupper"
			 : "+a"(nr)
			 : "r"(out), "r"(in)
			 : "rcx", "r11", "memory");
	need(nr == 0);
	need(memcmp(in, out, sizeof(in)) == 0);
}

/* The program's own arithmetic, for as long as several signals take. */
static void arithmetic(void)
{
	double sum = 0;
	int until = ticks + 3;

	while (ticks < until) {
		sum = 0;
		for (int i = 1; i <= 1000; i++)
			sum += 1.0 / i;
		need(sum > 7.4854708 && sum < 7.4854709);
	}
}

static void work(unsigned me)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	bool avx, avx512;

	__builtin_cpu_init();
	avx = __builtin_cpu_supports("avx");
	avx512 = __builtin_cpu_supports("avx512f");
	need(signal(SIGALRM, on_tick) != SIG_ERR);
	need(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (uint64_t i = 0; i < TURNS; i++) {
		uint64_t seed = (me + 1) * 0x9e3779b97f4a7c15u + i;

		low(seed);
		if (avx)
			high(seed);
		if (avx512)
			widest(seed);
	}
	arithmetic();
	_exit(0);
}

int main(void)
{
	int status;

	for (unsigned i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		need(pid >= 0);
		if (pid == 0)
			work(i);
	}
	for (unsigned i = 0; i < PROCESSES; i++)
		need(wait(&status) > 0 && status == 0);
	return 0;
}
