/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured-calls.c - which system calls the jail lets through, by trying each.
 *
 * calls.h is made by run.sh out of linux/seccomp-sentry.inc: what is in it is known, and
 * anything else must be refused with EPERM. The arguments are all -1, with which no call
 * does anything; so a line with a condition counts as refused, and its forms are tried by
 * themselves.
 */
#include "captured.h"

#include <linux/audit.h>

/* newer than some C libraries */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif

enum { RUN = 1, START = 2, PROBED = 4, IF = 8 };

static const struct known {
	long nr;
	const char *name;
	int how;
} known[] = {
#include "calls.h"
};

#define LAST 470

/*
 * uretprobe and uprobe of x86-64: the host's kernel lets them pass any filter (Linux 6.14,
 * seccomp(2)), for they do nothing but where it has put a probe itself.
 */
static bool past_any_filter(long nr, int r)
{
#ifdef __x86_64__
	return (nr == 335 && r == -1) || (nr == 336 && (r == ENXIO || r == -1));
#else
	return (void)nr, (void)r, false;
#endif
}

static const struct known *find(long nr)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].nr == nr)
			return &known[i];
	return NULL;
}

/* errno of the call, 0 when it went well, -1 when the process did not come back. */
static int outcome(long (*call)(long nr), long nr)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		errno = 0;
		_exit(call(nr) >= 0 ? 0 : errno & 0xff);
	}
	status = pid < 0 ? -1 : await(pid, 300);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static long native(long nr)
{
	return syscall(nr, -1L, -1L, -1L, -1L, -1L, -1L);
}

#ifdef __x86_64__
#define X32 0x40000000L

static long x32(long nr)
{
	return syscall(nr | X32, -1L, -1L, -1L, -1L, -1L, -1L);
}

static long i386(long nr)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(-1L), "c"(-1L), "d"(-1L), "S"(-1L), "D"(-1L)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = r < 0 ? (int)-r : 0;
	return r;
}

/* None at all may be made; one that kills its process is refused too. */
static void foreign(const char *list, const char *what, long (*call)(long nr))
{
	int n = 0;

	for (long nr = 0; nr <= LAST + 80; nr++) {
		int r = outcome(call, nr);

		if (r == EPERM || r == -1)
			continue;
		if (n++ < 10)
			say("escaped: %s refuses %s: call %ld gave %d", list, what, nr,
				r);
	}
	if (n == 0)
		say("stopped: %s refuses %s", list, what);
}
#endif

void calls_try(const char *list, bool run_only)
{
	int bad = 0, refused = 0, killed = 0;

	for (long nr = 0; nr <= LAST; nr++) {
		const struct known *k = find(nr);
		bool may = k && !(k->how & (IF | PROBED)) && (!run_only || k->how & RUN);
		int r = outcome(native, nr);

		killed += r == -1;
		if (r == EPERM || (k && k->how & PROBED && r == ENOSYS) ||
			past_any_filter(nr, r)) {
			refused++;
		} else if (!may) {
			bad++;
			say("escaped: %s has what is written: call %ld (%s) gave %d",
				list, nr, k ? k->name : "unknown", r);
		}
	}
	if (bad == 0)
		say("stopped: %s has what is written and nothing else", list);
	say("noted: %s: %d calls refused, %d did not come back", list, refused, killed);
#ifdef __x86_64__
	foreign(list, "the calls of x32", x32);
	foreign(list, "the calls of i386", i386);
#endif
}

/* The lines with a condition: what their other arguments give. */
void calls_forms(const char *list)
{
	static const struct form {
		const char *what;
		long nr, arg[5];
	} forms[] = {
		{ "PR_SET_MM", SYS_prctl, { 35, 0, 0, 0, 0 } },
		{ "PR_CAP_AMBIENT", SYS_prctl, { 47, 2, 0, 0, 0 } },
		{ "PR_SET_KEEPCAPS", SYS_prctl, { 8, 1, 0, 0, 0 } },
		{ "PR_SET_SECUREBITS", SYS_prctl, { 28, 0, 0, 0, 0 } },
		{ "PR_SET_PTRACER", SYS_prctl, { 0x59616d61, -1, 0, 0, 0 } },
		{ "PR_SET_CHILD_SUBREAPER", SYS_prctl, { 36, 1, 0, 0, 0 } },
		{ "PR_SET_SYSCALL_USER_DISPATCH", SYS_prctl, { 59, 0, 0, 0, 0 } },
		{ "PR_SCHED_CORE", SYS_prctl, { 62, 0, 0, 0, 0 } },
		{ "TIOCSTI", SYS_ioctl, { 2, 0x5412, 0, 0, 0 } },
		{ "TIOCSTI with more bits", SYS_ioctl, { 2, 0x100005412, 0, 0, 0 } },
		{ "TIOCLINUX", SYS_ioctl, { 2, 0x541c, 0, 0, 0 } },
		{ "SIOCGIFCONF", SYS_ioctl, { 2, 0x8912, 0, 0, 0 } },
		{ "FS_IOC_SETFLAGS", SYS_ioctl, { 2, 0x40086602, 0, 0, 0 } },
		{ "FICLONE", SYS_ioctl, { 2, 0x40049409, 0, 0, 0 } },
		{ "a pair of AF_INET", SYS_socketpair, { 2, 1, 0, 0, 0 } },
		{ "a pair of AF_TIPC", SYS_socketpair, { 30, 1, 0, 0, 0 } },
		{ "CLONE_NEWUSER", SYS_clone, { 0x10000000, 0, 0, 0, 0 } },
		{ "CLONE_NEWNS", SYS_clone, { 0x00020000, 0, 0, 0, 0 } },
		{ "CLONE_NEWCGROUP", SYS_clone, { 0x02000000, 0, 0, 0, 0 } },
		{ "CLONE_NEWUTS", SYS_clone, { 0x04000000, 0, 0, 0, 0 } },
		{ "CLONE_NEWIPC", SYS_clone, { 0x08000000, 0, 0, 0, 0 } },
		{ "CLONE_NEWPID", SYS_clone, { 0x20000000, 0, 0, 0, 0 } },
		{ "CLONE_NEWNET", SYS_clone, { 0x40000000, 0, 0, 0, 0 } },
		{ "execveat without AT_EMPTY_PATH", SYS_execveat,
			{ AT_FDCWD, 0, 0, 0, 0 } },
		{ "execveat with AT_SYMLINK_NOFOLLOW", SYS_execveat,
			{ AT_FDCWD, 0, 0, 0, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW } },
	};
	int bad = 0;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const struct form *f = &forms[i];
		long r = syscall(
			f->nr, f->arg[0], f->arg[1], f->arg[2], f->arg[3], f->arg[4], 0L);

		if (r < 0 && errno == EPERM)
			continue;
		if (r == 0 && f->nr == SYS_clone)
			_exit(0);
		bad++;
		say("escaped: %s looks at arguments: %s gave %ld, %s", list, f->what, r,
			strerror(errno));
	}
	if (bad == 0)
		say("stopped: %s looks at arguments", list);
}
