/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/pidfds.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int pidfd_open_pid(pid_t pid, struct err *e)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? err_sys(e, "open process %d", pid) : fd;
}

int pidfd_kill(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int pidfd_wait_gone(int pidfd, int timeout_ms)
{
	uint64_t end =
		clock_mono_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * NS_PER_MS;

	for (;;) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };
		uint64_t now = clock_mono_ns();
		int left = now < end ? (int)((end - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
		int n = poll(&p, 1, timeout_ms < 0 ? -1 : left);

		if (n > 0)
			return p.revents & POLLNVAL ? -EBADF : 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int pidfd_wait(int pidfd, int timeout_ms, int *ret_status)
{
	siginfo_t si = { 0 };
	int r = pidfd_wait_gone(pidfd, timeout_ms);

	if (r < 0)
		return r;
	while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	if (!ret_status)
		return 0;
	/* si_status is the exit code or the signal; put them where the W* macros look */
	if (si.si_code == CLD_EXITED)
		*ret_status = (si.si_status & 0xff) << 8;
	else
		*ret_status =
			(si.si_status & 0x7f) | (si.si_code == CLD_DUMPED ? 0x80 : 0);
	return 0;
}

uint64_t pidfd_start_time(pid_t pid)
{
	char path[64], text[1024];
	uint64_t ticks = 0;
	char *p;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* the name in parentheses may itself hold spaces and parentheses */
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p && sscanf(p, "%" SCNu64, &ticks) == 1 ? ticks : 0;
}

/* One round. Returns how many there were. */
static int kill_children(void)
{
	/* a process of one thread: its list is the process's */
	FILE *f = fopen("/proc/thread-self/children", "re");
	int pid, n = 0;

	while (f && fscanf(f, "%d", &pid) == 1) {
		/* a child that isn't waited for keeps its number */
		(void)kill(pid, SIGKILL);
		n++;
	}
	if (f)
		(void)fclose(f);
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	return n;
}

int pidfd_kill_children(uint64_t wait_ns)
{
	uint64_t end = clock_mono_ns() + wait_ns;

	while (kill_children() > 0) {
		if (clock_mono_ns() > end)
			return -ETIMEDOUT;
		(void)usleep(1000);
	}
	return 0;
}
