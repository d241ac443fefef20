/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/exec.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define OUTPUT_MAX (1U << 20)

static volatile sig_atomic_t interrupted;

static void note_signal(int sig)
{
	interrupted = sig;
}

static void handle(void (*how)(int))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	/* no SA_RESTART: what sleeps is to wake up */
	struct sigaction sa = { .sa_handler = how };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		(void)sigaction(signals[i], &sa, NULL);
}

void exec_catch_signals(void)
{
	handle(note_signal);
}

void exec_ignore_signals(void)
{
	handle(SIG_IGN);
	interrupted = 0;
}

bool exec_interrupted(void)
{
	return interrupted != 0;
}

static _Noreturn void child(char *const *argv, const char *cwd, int out, int said)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	handle(SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	if ((cwd && chdir(cwd) < 0) || dup2(null, 0) < 0 ||
		dup2(out >= 0 ? out : null, 1) < 0 ||
		dup2(said >= 0 ? said : null, 2) < 0)
		_exit(126);
	(void)execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerrordesc_np(errno));
	_exit(127);
}

/* Read what is there; false at the end. */
static bool drain(int fd, struct buf *to)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n > 0 && to && to->len + (size_t)n < OUTPUT_MAX)
		(void)buf_add(to, text, (size_t)n);
	return n > 0;
}

/* Until both are closed. A program that daemonises may keep one: its end counts too. */
static int collect(pid_t pid, const int fds[2], struct buf *const to[2], uint64_t until)
{
	bool open[2] = { true, true };

	while (open[0] || open[1]) {
		struct pollfd p[2] = { { .fd = open[0] ? fds[0] : -1, .events = POLLIN },
			{ .fd = open[1] ? fds[1] : -1, .events = POLLIN } };
		siginfo_t ended = { 0 };
		int n = poll(p, 2, 50);

		if (interrupted)
			return -EINTR;
		if (clock_mono_ns() > until)
			return -ETIMEDOUT;
		for (int i = 0; i < 2 && n > 0; i++)
			if (p[i].revents)
				open[i] = drain(fds[i], to[i]);
		if (n == 0 &&
			waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) ==
				0 &&
			ended.si_pid == pid)
			break;
	}
	return 0;
}

/* Its exit status. It has closed its output; whoever lingers is ended. */
static int reap(pid_t pid, int r, uint64_t until)
{
	int status = 0;

	while (r == 0) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
		if (interrupted)
			r = -EINTR;
		else if (clock_mono_ns() > until)
			r = -ETIMEDOUT;
		else
			(void)usleep(200);
	}
	(void)kill(-pid, SIGTERM);
	for (int i = 0; i < 200 && waitpid(pid, NULL, WNOHANG) != pid; i++) {
		(void)usleep(10000);
		if (i == 150)
			(void)kill(-pid, SIGKILL);
	}
	return r;
}

int exec_run(char *const *argv, const char *cwd, unsigned seconds, struct buf *out,
	struct buf *said)
{
	uint64_t until = clock_mono_ns() + seconds * NS_PER_SEC;
	int o[2] = { -1, -1 }, s[2] = { -1, -1 }, r;
	pid_t pid;

	if (interrupted)
		return -EINTR;
	if (pipe2(o, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(s, O_CLOEXEC) < 0) {
		r = -errno;
		(void)close(o[0]);
		(void)close(o[1]);
		return r;
	}
	pid = fork();
	if (pid == 0)
		child(argv, cwd, o[1], s[1]);
	r = pid < 0 ? -errno : 0;
	(void)close(o[1]);
	(void)close(s[1]);
	if (pid > 0)
		r = reap(pid,
			collect(pid, (int[]){ o[0], s[0] }, (struct buf *[]){ out, said },
				until),
			until);
	(void)close(o[0]);
	(void)close(s[0]);
	return r;
}

pid_t exec_spawn(char *const *argv, const char *cwd)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		child(argv, cwd, -1, -1);
	}
	return pid < 0 ? -errno : pid;
}

void exec_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

bool exec_have(const char *program)
{
	auto_strv struct strv dirs = { 0 };
	const char *path = getenv("PATH");

	if (strv_split(&dirs, path ? path : "/usr/bin:/bin", ":") < 0)
		return false;
	for (size_t i = 0; i < dirs.n; i++) {
		auto_free char *at = str_printf("%s/%s", dirs.v[i], program);

		if (at && access(at, X_OK) == 0)
			return true;
	}
	return false;
}
