/* SPDX-License-Identifier: Apache-2.0 */
/* stub-calls.c - calls of the host's, by the stub's instructions and by other gates. */
#include "stub.h"

#include <errno.h>
#include <sys/socket.h>

/*
 * Not of use here: what ends a child, and the two calls that the host's own filter code lets
 * pass whatever a filter says, for probes of its own (they do nothing anywhere else).
 */
static int left_out(long nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_fork ||
		nr == SYS_vfork || nr == SYS_rt_sigreturn || nr == 335 || nr == 336;
}

/* Any call, by its number alone. */
void trick_jump_one(void)
{
	const unsigned long *a = ARGS(-1UL, -1UL, -1UL, -1UL, -1UL, -1UL);

	for (long nr = 0; nr < 472; nr++) {
		if (!left_out(nr) && host_calls(calls[which], nr, a))
			escaped("call %ld at instruction %u", nr, which);
		if (nr < 350 && host_calls(calls[which], nr | 0x40000000, a))
			escaped("call %ld of x32 at instruction %u", nr, which);
	}
}

/* The stub's own call at its own instruction, which the host carries out: that is seen. */
void trick_sight(void)
{
	unsigned long at = stock ? gadget() : futex_at(1);
	unsigned long word = data + (stock ? STOCK_FUTEX : OUR_STOPPED);

	if (!at)
		return;
	/* the alarm comes first when the machine is busy */
	for (int i = 0; i < 20; i++)
		if (host_calls(at, SYS_futex, ARGS(word, 1, 1)))
			return;
	escaped("a call that the host carries out is not seen");
}

static void try_args(long nr, const unsigned long a[6])
{
	if (host_calls(calls[which], nr, a))
		escaped("call %ld (%#lx, %#lx, %#lx, %#lx, %#lx) at instruction %u", nr,
			a[0], a[1], a[2], a[3], a[4], which);
}

/* The calls of the stub, with arguments that are not the stub's. */
void trick_args_one(void)
{
	static uint32_t word;
	static char text[64];
	struct msghdr m = { 0 };
	unsigned long w = (unsigned long)&word, t = (unsigned long)text;
	long fd;

	for (unsigned long op = 0; op < 14; op++) {
		try_args(SYS_futex, ARGS(w, op, 1, 0, w));
		/* waits and wakes on its own words are what they are for */
		if (op > 1)
			try_args(SYS_futex, ARGS(data + OUR_GO, op, 1, 0, w));
		try_args(SYS_futex, ARGS(data + 64, op, 1, 0, w));
		try_args(SYS_futex, ARGS(stub + PAGE + 64, op, 0, 0, w));
		if (!stock)
			try_args(SYS_futex, ARGS(stub + PAGE, op, 0, 0, w));
	}
	try_args(SYS_futex, ARGS(data + OUR_GO, 0, 0, t));
	for (fd = -1; fd < 8; fd++) {
		try_args(SYS_mmap,
			ARGS(NOWHERE, PAGE, 3, MAP_SHARED | MAP_FIXED,
				(unsigned long)fd));
		try_args(SYS_mmap,
			ARGS(NOWHERE, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				(unsigned long)fd));
		try_args(SYS_write, ARGS((unsigned long)fd, stub + PAGE + 12, 4));
		try_args(SYS_recvmsg, ARGS((unsigned long)fd, (unsigned long)&m));
		try_args(SYS_close, ARGS((unsigned long)fd + 100));
	}
	try_args(SYS_munmap, ARGS(NOWHERE, PAGE));
	try_args(SYS_mprotect, ARGS(stub, PAGE, 7));
	try_args(SYS_open, ARGS((unsigned long)"/"));
	try_args(SYS_execve, ARGS((unsigned long)"/proc/self/none"));
	try_args(SYS_socket, ARGS(AF_UNIX, SOCK_STREAM));
	try_args(SYS_kill, ARGS((unsigned long)getpid()));
	try_args(SYS_memfd_create, ARGS((unsigned long)"x"));
	/* read the bases, the shadow stack, CPUID's trap, a vDSO, tags */
	for (unsigned long code = 0x1000; code < 0x1040; code++)
		if (code != 0x1001 && code != 0x1002)
			try_args(SYS_arch_prctl, ARGS(code, t));
	try_args(SYS_arch_prctl, ARGS(0x2001, NOWHERE));
	try_args(SYS_arch_prctl, ARGS(0x4002));
	try_args(SYS_arch_prctl, ARGS(0x5001, 1));
}

/* Calls of the other ways into the host: 32 bits, x32, sysenter, the vsyscall page. */
static unsigned int gate;

static void trick_gate_one(void)
{
	long ret = -ENOSYS;
	char *low;

	out->tried = 1;
	alarm_ms(500);
	if (sigsetjmp(back, 1))
		_exit(0);
	switch (gate) {
	case 0: /* getpid of 32 bits */
		__asm__ volatile("int $0x80"
				 : "=a"(ret)
				 : "a"(20)
				 : "memory", "cc", "r8", "r9", "r10", "r11");
		if (ret > 0 && ret != getpid())
			escaped("int 0x80: %ld", ret);
		break;
	case 1: /* getpid of x32 */
		__asm__ volatile("syscall"
				 : "=a"(ret)
				 : "a"(0x40000027)
				 : "rcx", "r11", "memory");
		if (ret > 0 && ret != getpid())
			escaped("x32: %ld", ret);
		break;
	case 2:
		__asm__ volatile("sysenter"
				 : "=a"(ret)
				 : "a"(20)
				 : "rcx", "rdx", "r11", "memory");
		break;
	case 3: /* time() of the vsyscall page */
		ret = ((long (*)(long *))0xffffffffff600400)(NULL);
		break;
	case 4: /* int 0x80, then a fault, of 32 bits */
	case 5: /* sysenter of 32 bits */
		low = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		if (low == MAP_FAILED)
			_exit(0);
		memcpy(low, gate == 4 ? "\xcd\x80\xf4" : "\x0f\x34\xf4", 3);
		enter(&(struct entry){ .rax = 20,
			.rip = (unsigned long)low,
			.cs = 0x23,
			.flags = 0x202,
			.rsp = (unsigned long)low + PAGE - 64,
			.ss = 0x2b });
	case 6: /* a code segment that there is none of */
		enter(&(struct entry){ .rip = (unsigned long)scratch,
			.cs = 0x7b,
			.flags = 0x202,
			.ss = 0x2b });
	}
}

void trick_gates(void)
{
	for (gate = 0; gate < 7; gate++)
		child_wait(child(trick_gate_one), 3000);
}
