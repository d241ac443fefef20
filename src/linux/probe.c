/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/probe.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/str.h"
#include "linux/ns.h"
#include "linux/pidfds.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define WAIT_MS 10000

const char *probe_state_name(enum probe_state state)
{
	static const char *const names[] = { "ok", "degraded", "missing" };

	return names[state];
}

const struct probe *probe_find(const char *name)
{
	for (const struct probe *p = probes; p->name; p++)
		if (str_eq(p->name, name))
			return p;
	return NULL;
}

static void child(const struct probe *p, int out)
{
	struct probe_result r = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	p->run(&r);
	(void)!write(out, &r, sizeof(r));
	/* no handlers of exit(): this is a copy of the caller */
	_exit(0);
}

/* Kill the child, and its group: a probe's own children are in there. */
static void end(pid_t pid, int pidfd)
{
	(void)kill(-pid, SIGKILL);
	(void)pidfd_kill(pidfd, SIGKILL);
	(void)pidfd_wait(pidfd, 1000, NULL);
}

int probe_run(const struct probe *p, struct probe_result *r)
{
	struct probe_result got = { 0 };
	int io[2], n;
	pid_t pid;

	if (pipe2(io, O_CLOEXEC) < 0)
		return -errno;
	auto_fd int in = io[0], out = io[1], pidfd = -1;

	pid = ns_clone(0, &pidfd);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		(void)setpgid(0, 0);
		(void)close(in);
		child(p, out);
	}
	(void)setpgid(pid, pid);
	close_auto(&out);
	out = -1;
	do {
		n = poll(&(struct pollfd){ .fd = in, .events = POLLIN }, 1, WAIT_MS);
	} while (n < 0 && errno == EINTR);
	/* a result is less than PIPE_BUF, so it comes whole or not at all */
	if (n > 0 && read(in, &got, sizeof(got)) == (ssize_t)sizeof(got)) {
		*r = got;
	} else {
		*r = (struct probe_result){ .state = PROBE_MISSING };
		(void)snprintf(r->detail, sizeof(r->detail), "the test %s",
			n == 0 ? "did not end within ten seconds" : "was killed");
	}
	end(pid, pidfd);
	return 0;
}
