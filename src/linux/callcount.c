/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. Three processes: the caller, who stays free of filters; a counter,
 * which installs the reporting filter and holds its listener; and callers, children of the
 * counter. A caller puts on the filter to be judged and then makes one call after the
 * other, each with a mark as its sixth argument, by which the reporting filter tells it
 * from the calls that the processes make in earnest. A filter that kills takes a caller
 * with it: the next one goes on behind that call.
 */
#include "linux/callcount.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK 0x6272696763616c6cULL /* "brigcall" */
/* a caller that says nothing for so long hangs in a kernel that is not Linux */
#define WAIT_MS 2000

/* Numbers in use (arch/x86/entry/syscalls/syscall_64.tbl, arch/arm64: the generic table). */
static const struct {
	unsigned first, last;
} ranges[] = {
#if defined(__x86_64__)
	{ 0, 334 },
	{ 424, 469 },
#else
	{ 0, 243 },
	{ 260, 293 },
	{ 424, 469 },
#endif
};

/* In the table, and never more than -ENOSYS (syscalls(2), "unimplemented"). */
static const unsigned short dead[] = {
#if defined(__x86_64__)
	134,
	156,
	174,
	177,
	178,
	180,
	181,
	182,
	183,
	184,
	185,
	205,
	211,
	212,
	214,
	215,
	236,
#else
	42,
	180,
#endif
};

static bool is_dead(unsigned nr)
{
	for (size_t i = 0; i < sizeof(dead) / sizeof(*dead); i++)
		if (dead[i] == nr)
			return true;
	return false;
}

/* The call in use after 'nr', or UINT32_MAX. */
static unsigned next_call(unsigned nr)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		for (unsigned at = nr < ranges[i].first ? ranges[i].first : nr;
			at <= ranges[i].last; at++)
			if (!is_dead(at))
				return at;
	return UINT32_MAX;
}

static int set_filter(const struct sock_filter *insn, unsigned short n, unsigned flags)
{
	struct sock_fprog p = { .len = n,
		.filter = (struct sock_filter *)(uintptr_t)insn };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);

	return r < 0 ? -errno : (int)r;
}

/* The listener of a filter that reports marked calls, and no others. */
static int reporting_filter(void)
{
	static const struct sock_filter insn[] = {
		BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)MARK, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, args[5]) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(MARK >> 32), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return set_filter(
		insn, sizeof(insn) / sizeof(*insn), SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

struct counting {
	const struct sock_filter *more;
	unsigned short n;
	int listener;
	volatile unsigned *at; /* shared with the callers: the call that is being made */
};

/* One caller: from *at on. Only its death tells that it's done. */
static _Noreturn void call_all(const struct counting *c)
{
	if (c->more && set_filter(c->more, c->n, 0) < 0)
		_exit(2);
	for (unsigned nr = *c->at; nr != UINT32_MAX; nr = next_call(nr + 1)) {
		*c->at = nr;
		(void)syscall((long)nr, 0, 0, 0, 0, 0, MARK);
	}
	*c->at = UINT32_MAX;
	/* the mark is still in the register of the sixth argument */
	(void)syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	__builtin_trap();
}

/* Refuse what is reported; 1 for a call, 0 when there was none after all. */
static int take_report(int listener)
{
	struct seccomp_notif got = { 0 };
	struct seccomp_notif_resp answer = { .error = -EPERM };

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &got) < 0)
		return 0;
	answer.id = got.id;
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	return 1;
}

/* Serve one caller until it is dead, which closes its end of 'alive'. Calls, or -errno. */
static int serve_caller(const struct counting *c, int alive)
{
	struct pollfd p[2] = { { .fd = c->listener, .events = POLLIN },
		{ .fd = alive, .events = POLLIN } };
	int through = 0;

	for (;;) {
		int n = poll(p, 2, WAIT_MS);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -ETIMEDOUT : -errno;
		if (p[0].revents & POLLIN)
			through += take_report(c->listener);
		else if (p[1].revents)
			return through;
		else
			return -EIO;
	}
}

static int one_caller(const struct counting *c)
{
	int pipes[2], r, status;
	pid_t pid;

	if (pipe(pipes) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)close(pipes[0]);
		call_all(c);
	}
	(void)close(pipes[1]);
	r = pid < 0 ? -EAGAIN : serve_caller(c, pipes[0]);
	(void)close(pipes[0]);
	if (pid < 0)
		return r;
	if (r < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 2)
		return -EACCES;
	return r;
}

static int count(const struct counting *c)
{
	int through = 0;

	*c->at = next_call(0);
	while (*c->at != UINT32_MAX) {
		unsigned before = *c->at;
		int r = one_caller(c);

		if (r < 0)
			return r;
		through += r;
		/* it was killed for that one; whoever dies of none must not go on for ever */
		if (*c->at != UINT32_MAX)
			*c->at = next_call(*c->at + 1);
		if (*c->at <= before)
			return -EIO;
	}
	return through;
}

static _Noreturn void counter(struct counting *c, int to)
{
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : reporting_filter();

	/* whoever collects core dumps is not to be sent hundreds */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	c->at = mmap(NULL, sizeof(*c->at), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r >= 0) {
		c->listener = r;
		r = c->at == MAP_FAILED ? -ENOMEM : count(c);
	}
	_exit(write(to, &r, sizeof(r)) == sizeof(r) ? 0 : 1);
}

int callcount_take(
	const struct sock_filter *more, unsigned short n, struct callcount *ret)
{
	struct counting c = { .more = more, .n = n };
	int pipes[2], through = -EIO, status;
	pid_t pid;

	if (pipe(pipes) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)close(pipes[0]);
		counter(&c, pipes[1]);
	}
	(void)close(pipes[1]);
	if (pid > 0 && read(pipes[0], &through, sizeof(through)) != sizeof(through))
		through = -EIO;
	(void)close(pipes[0]);
	if (pid < 0)
		return -EAGAIN;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (through < 0)
		return through == -EINVAL ? -ENOSYS : through;
	ret->through = (unsigned)through;
	ret->of = 0;
	for (unsigned nr = next_call(0); nr != UINT32_MAX; nr = next_call(nr + 1))
		ret->of++;
	return 0;
}
