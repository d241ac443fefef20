/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: make a refused system call by the numbers of another kind of program: i386's by
 * "int $0x80", x32's by bit 30.
 * Gain: every system call, past a filter that knows only one table.
 * Expect: chroot=escapes nspawn=escapes container=stops sentry=own
 * Layer: filter of system calls
 *
 * The call is keyctl(), as harmless as it is refused; nspawn filters no calls.
 */
#include "hostile.h"

static void no_such_abi(int sig)
{
	(void)sig;
	untried("this kernel runs one kind of program only");
}

int main(void)
{
	(void)signal(
		SIGSEGV, no_such_abi); /* what "int $0x80" is where i386 is left out */
#if defined(__x86_64__)
	long r, x32 = syscall(0x40000000L | SYS_keyctl, 0L, -3L, 0L);
	int why = errno;

	/* eax: keyctl is 288; ebx: KEYCTL_GET_KEYRING_ID; ecx: the session's; edx: don't make */
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(288L), "b"(0L), "c"(-3L), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	r = (int)r;
	if (x32 >= 0 || (why != EPERM && why != ENOSYS))
		escaped("x32's keyctl() reached the kernel");
	if (r >= 0 || (r != -EPERM && r != -ENOSYS))
		escaped("i386's keyctl() reached the kernel (%s)",
			r < 0 ? strerror((int)-r) : "a key");
	if (r == -ENOSYS && why == ENOSYS && syscall(SYS_keyctl, 0L, -3L, 0L) >= 0)
		untried("this kernel runs one kind of program only");
	stopped("i386: %s; x32: %s", strerror((int)-r), strerror(why));
#else
	untried("this machine has one kind of program only");
#endif
}
