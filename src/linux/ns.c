/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/ns.h"

#include "base/auto.h"
#include "base/err.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

static pid_t clone_with(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		/* a sibling takes its maker's signal, and the kernel refuses another one
		 */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
		.cgroup = flags & CLONE_INTO_CGROUP ? (uint64_t)cgroup_fd : 0,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	/* Filters that can't look behind clone3's pointer say ENOSYS, so that one falls
	 * back to clone(2); what does not fit its flags has no fall-back. */
	if (pid < 0 && errno == ENOSYS && flags <= UINT32_MAX)
		pid = (pid_t)syscall(SYS_clone,
			(unsigned long)(args.flags | args.exit_signal), 0, &pidfd, 0, 0);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		return 0;
	if (ret_pidfd)
		*ret_pidfd = pidfd;
	else
		(void)close(pidfd);
	return pid;
}

pid_t ns_clone(uint64_t flags, int *ret_pidfd)
{
	return clone_with(flags, -1, ret_pidfd);
}

pid_t ns_clone_into(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	return clone_with(flags | CLONE_INTO_CGROUP, cgroup_fd, ret_pidfd);
}

int ns_open(pid_t pid, const char *name, struct err *e)
{
	char path[64];
	int fd;

	if (pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	else
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open namespace '%s'", path) : fd;
}

int ns_enter(int fd, const char *name, struct err *e)
{
	return setns(fd, 0) < 0 ? err_sys(e, "enter the %s namespace", name) : 0;
}

int ns_unshare(int flags, struct err *e)
{
	if (unshare(flags) == 0)
		return 0;
	err_sys(e, "make new namespaces (flags %#x)", (unsigned)flags);
	if (errno == ENOSPC || errno == EUSERS)
		err_hint(e, "the limits in /proc/sys/user/max_*_namespaces are reached");
	return e ? -e->code : -EPERM;
}
