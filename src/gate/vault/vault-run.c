/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-run.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "linux/pidfds.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#define LINGER_MS 2000

extern char **environ;

bool vault_run_there(const char *program)
{
	const char *path = getenv("PATH");
	auto_strv struct strv dirs = { 0 };

	if (!path || strv_split(&dirs, path, ":") < 0)
		return false;
	for (size_t i = 0; i < dirs.n; i++) {
		auto_free char *file = str_printf("%s/%s", dirs.v[i], program);

		if (file && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static pid_t start(char *const *argv, int in, int out, struct err *e)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int r;

	(void)posix_spawn_file_actions_init(&actions);
	if (in >= 0)
		(void)posix_spawn_file_actions_adddup2(&actions, in, 0);
	else
		(void)posix_spawn_file_actions_addopen(
			&actions, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, out, 1);
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (r) {
		errno = r;
		return err_sys(e, "run '%s'", argv[0]);
	}
	return pid;
}

/* Read until the program closes its output; what there is no room for is dropped. */
static int read_out(const struct vault_run *run, int fd, struct err *e)
{
	uint64_t until = clock_mono_ns() + (uint64_t)run->wait_ms * NS_PER_MS;
	char rest[256];

	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };
		uint64_t now = clock_mono_ns();
		size_t room = run->out ? run->out->cap - run->out->len : 0;
		ssize_t n;

		if (now >= until)
			return err_set(e, ETIMEDOUT, "'%s' didn't end within %d ms",
				run->argv[0], run->wait_ms);
		if (poll(&p, 1, (int)((until - now) / NS_PER_MS) + 1) < 0 &&
			errno != EINTR)
			return err_sys(e, "wait for '%s'", run->argv[0]);
		if (!p.revents)
			continue;
		n = room > 1 ? read(fd, run->out->data + run->out->len, room - 1)
			     : read(fd, rest, sizeof(rest));
		if (n <= 0)
			return n < 0 ? err_sys(e, "read from '%s'", run->argv[0]) : 0;
		if (room > 1) {
			run->out->len += (size_t)n;
			run->out->data[run->out->len] = '\0';
		}
	}
}

/* It closed its output, so its end is near; who hangs all the same is killed. */
static int reap(pid_t pid, bool now)
{
	auto_fd int fd = pidfd_open_pid(pid, NULL);
	int status = 0;

	if (now || fd < 0 || pidfd_wait(fd, LINGER_MS, &status) < 0) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0)
			if (errno != EINTR)
				return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int vault_run(const struct vault_run *run, struct err *e)
{
	int to[2] = { -1, -1 }, from[2], status, r;
	pid_t pid;

	if (pipe2(from, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	auto_fd int out = from[0];
	auto_fd int child_out = from[1];
	if (run->in && pipe2(to, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	auto_fd int child_in = to[0];
	auto_fd int in = to[1];

	pid = start(run->argv, child_in, child_out, e);
	if (pid < 0)
		return (int)pid;
	(void)close(take_fd(&child_out));
	if (run->in) {
		(void)close(take_fd(&child_in));
		/* fits the pipe: never waits */
		(void)file_write_all(in, run->in->data, run->in->len);
		(void)close(take_fd(&in));
	}
	r = read_out(run, out, e);
	status = reap(pid, r < 0);
	return r < 0 ? r : status;
}
