/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: descriptors of processes: poll, signal, wait
 * Expect: container=yes sentry=yes
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "probe.h"

struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int main(void)
{
	int fd = -1;
	struct clone3_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD
	};
	struct pollfd pfd = { .events = POLLIN };
	siginfo_t info;
	long pid;

	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0 && errno == ENOSYS)
		/* a filter can't look behind its pointer, so some say this, and all fall back */
		pid = fork();
	need(pid >= 0);
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	if (fd < 0)
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
	need(fd >= 0);
	pfd.fd = fd;
	need(poll(&pfd, 1, 20) == 0);
	need(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0);
	need(poll(&pfd, 1, 5000) == 1);
	need(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == 0);
	need(info.si_pid == pid && info.si_code == CLD_KILLED &&
		info.si_status == SIGTERM);
	need(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == -1 && errno == ESRCH);
	need((fd = (int)syscall(SYS_pidfd_open, getpid(), 0)) >= 0);
	return 0;
}
