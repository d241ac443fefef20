/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/spawn.h"

#include "base/err.h"
#include "guest/listen.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define PTMX_DEVICE makedev(5, 2) /* Documentation/admin-guide/devices.txt */

static int fail_with(struct guest_failed *fail, const char *what)
{
	int code = errno;

	fail->step = GUEST_STEP_SPAWN;
	fail->code = code;
	(void)snprintf(fail->what, sizeof(fail->what), "%s", what);
	return -code;
}

/*
 * Open the multiplexer of the sandbox's own terminals.
 *
 * Should:  use the directory that was taken before anything hostile ran.
 * Mustn't: block on, or talk to, what the sandbox has put in its place.
 */
static int open_ptmx(const struct spawn_env *env)
{
	struct open_how how = {
		.flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_BENEATH,
	};
	auto_fd int fd = -1;
	struct statfs fs;
	struct stat st;

	if (env->pts >= 0)
		fd = (int)syscall(SYS_openat2, env->pts, "ptmx", &how, sizeof(how));
	if (fd < 0)
		fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -1;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != PTMX_DEVICE) {
		errno = ENODEV;
		return -1;
	}
	return take_fd(&fd);
}

static int open_terminal(const struct spawn_env *env, const struct guest_exec *x,
	struct spawned *s, int *slave)
{
	struct winsize size = { .ws_row = x->rows, .ws_col = x->cols };
	auto_fd int master = open_ptmx(env);
	int unlocked = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return -1;
	/* By the open master, not by a name that the sandbox could have changed. */
	auto_fd int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (peer < 0)
		return -1;
	if ((x->rows || x->cols) && ioctl(master, TIOCSWINSZ, &size) < 0)
		return -1;
	s->in = fcntl(master, F_DUPFD_CLOEXEC, 3);
	if (s->in < 0)
		return -1;
	s->out[0] = take_fd(&master);
	*slave = take_fd(&peer);
	return 0;
}

/* Our end does not block, the command's does: the flag belongs to each end's own file. */
static int open_pipe(int *ours, int *theirs, bool we_write)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	*ours = p[we_write];
	*theirs = p[!we_write];
	return fcntl(*ours, F_SETFL, O_NONBLOCK | (we_write ? O_WRONLY : O_RDONLY));
}

static int open_stdio(const struct spawn_env *env, const struct guest_exec *x,
	struct spawned *s, int stdio[3])
{
	if (x->flags & GUEST_EXEC_TTY)
		return open_terminal(env, x, s, &stdio[0]);
	if (x->flags & GUEST_EXEC_STDIN) {
		if (open_pipe(&s->in, &stdio[0], true) < 0)
			return -1;
	} else {
		stdio[0] = fcntl(env->null, F_DUPFD_CLOEXEC, 3);
		if (stdio[0] < 0)
			return -1;
	}
	if (open_pipe(&s->out[0], &stdio[1], false) < 0)
		return -1;
	return open_pipe(&s->out[1], &stdio[2], false);
}

void spawned_close(struct spawned *s)
{
	close_auto(&s->in);
	close_auto(&s->out[0]);
	close_auto(&s->out[1]);
	close_auto(&s->status);
	s->in = s->out[0] = s->out[1] = s->status = -1;
}

static int start(const struct spawn_env *env, const struct guest_exec *x,
	struct spawned *s, struct guest_failed *fail)
{
	auto_fd int in = -1, out = -1, err = -1, status = -1;
	int stdio[3] = { -1, -1, -1 }, p[2], listener, r;
	pid_t pid;

	r = listen_for(x, &listener, fail);
	if (r < 0)
		return r;
	r = open_stdio(env, x, s, stdio);
	in = stdio[0];
	out = stdio[1];
	err = stdio[2];
	if (r < 0)
		return fail_with(fail,
			x->flags & GUEST_EXEC_TTY ? "open a terminal" : "open pipes");
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail_with(fail, "open a pipe");
	s->status = p[0];
	status = p[1];
	pid = fork();
	if (pid < 0)
		return fail_with(fail, "fork");
	if (pid == 0) {
		bool tty = x->flags & GUEST_EXEC_TTY;
		struct spawn_child c = {
			.x = x,
			.env = env,
			.stdio = { in, tty ? in : out, tty ? in : err },
			.status = status,
			.listener = listener,
		};

		spawn_child_run(&c);
	}
	s->pid = pid;
	return 0;
}

int spawn_command(const struct spawn_env *env, const struct guest_exec *x,
	struct spawned *ret, struct guest_failed *fail)
{
	struct spawned s = { .in = -1, .out = { -1, -1 }, .status = -1 };
	int r = start(env, x, &s, fail);

	if (r < 0)
		spawned_close(&s);
	else
		*ret = s;
	return r;
}
