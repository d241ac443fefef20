/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: a filter of system calls of the program's own: errors, traps, kills
 * Expect: container=yes sentry=yes
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "probe.h"

static volatile sig_atomic_t trapped;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	trapped = info->si_syscall;
}

static void filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOWNERDEAD),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	int status;
	pid_t pid;

	need(sigaction(SIGSYS, &action, NULL) == 0);
	filter();
	need(syscall(SYS_getppid) == -1 && errno == EOWNERDEAD);
	(void)syscall(SYS_getpgrp);
	need(trapped == SYS_getpgrp);
	need((pid = fork()) >= 0);
	if (pid == 0) {
		(void)syscall(SYS_personality, 0xffffffff);
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid);
	need(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	/* and a program that is executed has it too */
	need((pid = fork()) >= 0);
	if (pid == 0)
		_exit(execl("/bin/true", "true", NULL));
	need(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}
