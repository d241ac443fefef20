/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/callcount.h"

#include "base/test.h"
#include "linux/seccomp-filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

static void take(const struct sock_filter *more, unsigned short n, struct callcount *ret)
{
	int r = callcount_take(more, n, ret);

	if (r == -ENOSYS || r == -EBUSY)
		test_skip("no listener of system calls can be had here");
	expect(r == 0);
}

TEST(no_filter_lets_all_through)
{
	struct callcount c;

	take(NULL, 0, &c);
	expect(c.of > 300 && c.of < 500);
	expect(c.through == c.of);
}

TEST(refused_calls_are_not_counted)
{
	const struct sock_filter refuse[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct callcount c;

	take(refuse, 4, &c);
	expect(c.through == c.of - 1);
}

TEST(calls_that_kill_are_not_counted_and_those_behind_are)
{
	const struct sock_filter killing[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_uname, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct callcount c;

	take(killing, 5, &c);
	expect(c.through == c.of - 2);
}

TEST(one_call_alone)
{
	/* all but one refused, the one that ends the caller among them */
	const struct sock_filter one[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct callcount c;

	take(one, 4, &c);
	expect(c.through == 1);
}

TEST(a_stricter_wall_has_a_shorter_list)
{
	const struct seccomp_program *sentry = &seccomp_sentries[SECCOMP_SENTRY_RUN];
	struct callcount container, kernel;

	take(SECCOMP_OCI_DEFAULT.insn, SECCOMP_OCI_DEFAULT.n, &container);
	take(sentry->insn, sentry->n, &kernel);
	expect(container.through < container.of && container.through > 200);
	expect(kernel.through < container.through && kernel.through > 5);
}
