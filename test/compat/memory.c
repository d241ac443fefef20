/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: mappings move, change their rights, fault and are copied when written, as they should
 * Expect: container=yes sentry=yes
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "probe.h"

#define PAGE 4096

static sigjmp_buf back;
static void *volatile fault_at;
static volatile int fault_code;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault_at = info->si_addr;
	fault_code = info->si_code;
	siglongjmp(back, 1);
}

static void faults(volatile char *p, bool write, int code)
{
	fault_at = NULL;
	if (sigsetjmp(back, 1) == 0) {
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	need(fault_at == (void *)p && fault_code == code);
}

static char *anonymous(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(p != MAP_FAILED);
	return p;
}

static void rights(void)
{
	char *p = anonymous(4);

	faults(NULL, false, SEGV_MAPERR);
	p[PAGE] = 5;
	need(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
	faults(p + PAGE + 3, true, SEGV_ACCERR);
	need(p[PAGE] == 5);
	need(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
	faults(p + PAGE, false, SEGV_ACCERR);
	need(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0 && p[PAGE] == 5);
	need(munmap(p + PAGE, PAGE) == 0);
	faults(p + PAGE, false, SEGV_MAPERR);
	need(madvise(p, PAGE, MADV_DONTNEED) == 0 && p[0] == 0);
}

/* A compiler at run time writes code, then executes it, then changes it. */
static void code(void)
{
	static const unsigned char answer[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	unsigned char *p = (void *)anonymous(1);
	int (*call)(void);

	memcpy(p, answer, sizeof(answer));
	need(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	memcpy(&call, &p, sizeof(call));
	need(call() == 42);
	need(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
	p[1] = 43;
	need(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	need(call() == 43);
}

static void moves(void)
{
	char *p = anonymous(16), *q;

	for (int i = 0; i < 16; i++)
		p[i * PAGE] = (char)i;
	need((q = mremap(p, 16 * PAGE, 64 * PAGE, MREMAP_MAYMOVE)) != MAP_FAILED);
	for (int i = 0; i < 16; i++)
		need(q[i * PAGE] == i);
	need(q[63 * PAGE] == 0);
	need((p = mremap(q, 64 * PAGE, 2 * PAGE, 0)) == q);
	faults(q + 2 * PAGE, false, SEGV_MAPERR);
}

/* A child sees what was there before, and neither sees what the other writes after. */
static void copied(void)
{
	char *p = anonymous(256);
	int status;
	pid_t pid;

	for (int i = 0; i < 256; i++)
		p[i * PAGE] = (char)i;
	need((pid = fork()) >= 0);
	if (pid == 0) {
		for (int i = 0; i < 256; i++) {
			need(p[i * PAGE] == (char)i);
			p[i * PAGE] = 99;
		}
		_exit(0);
	}
	for (int i = 0; i < 256; i += 2)
		p[i * PAGE] = 55;
	need(waitpid(pid, &status, 0) == pid && status == 0);
	for (int i = 0; i < 256; i++)
		need(p[i * PAGE] == (i % 2 ? (char)i : 55));
}

static unsigned deep(unsigned n)
{
	volatile char frame[1024];

	frame[n % sizeof(frame)] = (char)n;
	return n == 0 ? 0 : deep(n - 1) + 1 + (frame[n % sizeof(frame)] - (char)n);
}

/* Many small mappings with different rights, as garbage collectors make them. */
static void fragments(void)
{
	char *p = anonymous(8000);

	for (int i = 0; i < 8000; i += 2) {
		p[i * PAGE] = 1;
		need(mprotect(p + i * PAGE, PAGE, PROT_READ) == 0);
	}
	for (int i = 0; i < 8000; i += 2)
		need(p[i * PAGE] == 1);
	need(munmap(p, 8000UL * PAGE) == 0);
}

int main(void)
{
	static char own_stack[65536];
	stack_t alternative = { .ss_sp = own_stack, .ss_size = sizeof(own_stack) };
	struct sigaction action = { .sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK };

	need(sigaltstack(&alternative, NULL) == 0);
	need(sigaction(SIGSEGV, &action, NULL) == 0);
	rights();
	code();
	moves();
	copied();
	need(deep(4000) == 4000);
	fragments();
	return 0;
}
