/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/starter.h"

#include "base/auto.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/parcel.h"
#include "base/title.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define FIRST_FD 3
/* Where descriptors wait while those below are put in order. */
#define PARK 64

/* The message: which program, and for each descriptor of it whether one came along. */
struct order {
	unsigned char role;
	unsigned char n;
	unsigned char there[PARCEL_FDS_MAX];
};

static const struct {
	const char *program, *verb;
	bool keeps_env;  /* finds the user's files, and the session's bus */
	bool keeps_user; /* of root's: the files are root's */
} programs[STARTER_ROLES] = {
	[STARTER_GATE] = { "brig-gate", NULL, false, false },
	[STARTER_INJECTOR] = { "brig-injector", NULL, false, false },
	[STARTER_VAULT] = { "brig-vault", "serve", true, true },
	[STARTER_POOL] = { "brig-vault", "pool", true, true },
};

/* Who the roles are that talk to the world, when root started them. */
static uid_t role_uid;
static gid_t role_gid;

static void leave_root(void)
{
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(role_gid, role_gid, role_gid) < 0 ||
		setresuid(role_uid, role_uid, role_uid) < 0)
		_exit(125);
}

static void __attribute__((noreturn))
become(const struct order *o, const struct parcel *p, pid_t parent)
{
	auto_free char *path = dirs_helper(programs[o->role].program);
	char *argv[] = { (char *)(uintptr_t)programs[o->role].program,
		(char *)(uintptr_t)programs[o->role].verb, NULL };
	char *bare[] = { (char[]){ "LC_ALL=C.UTF-8" }, (char[]){ "TZ=UTC0" }, NULL };
	size_t at = 0;

	(void)signal(SIGCHLD, SIG_DFL);
	/* both numbers are in use for something else now */
	for (size_t i = 0; i < p->fds_n; i++)
		if (dup3(p->fds[i], PARK + (int)i, O_CLOEXEC) < 0)
			_exit(125);
	for (size_t i = 0; i < o->n; i++) {
		int fd = FIRST_FD + (int)i;

		if (!o->there[i])
			(void)close(fd);
		else if (dup2(PARK + (int)at++, fd) < 0)
			_exit(125);
	}
	(void)syscall(SYS_close_range, FIRST_FD + o->n, ~0U, 0U);
	if (!programs[o->role].keeps_user)
		leave_root();
	if (o->role == STARTER_POOL)
		(void)setpriority(PRIO_PROCESS, 0, 19);
	else if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(125);
	if (path)
		(void)execve(path, argv, programs[o->role].keeps_env ? environ : bare);
	fprintf(stderr, "brig-keeper: start '%s': %s\n", programs[o->role].program,
		err_text(errno));
	_exit(127);
}

static void serve_order(const struct parcel *p)
{
	struct order o;
	size_t there = 0;
	pid_t parent = getpid();

	if (p->len != sizeof(o))
		return;
	memcpy(&o, p->data, sizeof(o));
	if (o.role >= STARTER_ROLES || o.n > PARCEL_FDS_MAX)
		return;
	for (size_t i = 0; i < o.n; i++)
		there += o.there[i] != 0;
	if (there != p->fds_n)
		return;
	if (fork() == 0)
		become(&o, p, parent);
}

static void __attribute__((noreturn)) run(int fd)
{
	static struct parcel p;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	sigset_t none;
	int r;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	title_set("brig-starter");
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* nobody asks how they ended */
	(void)signal(SIGCHLD, SIG_IGN);
	/* a spare in the making is finished; roles hear of the end on their sockets, and
	 * die with us where they don't listen */
	for (;;) {
		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			_exit(1);
		r = parcel_recv(fd, &p);
		if (r == -EAGAIN || r == -EPROTO)
			continue;
		if (r <= 0)
			_exit(0);
		serve_order(&p);
		parcel_close_fds(&p);
	}
}

int starter_spawn(uid_t uid, gid_t gid, struct err *e)
{
	int pair[2], r = parcel_pair(pair, e);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		int fd = pair[1];

		(void)close(pair[0]);
		/* of the keeper's descriptors only the log stays, as standard error */
		if (fd != FIRST_FD && dup3(fd, FIRST_FD, O_CLOEXEC) < 0)
			_exit(125);
		(void)syscall(SYS_close_range, FIRST_FD + 1, ~0U, 0U);
		(void)fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
		role_uid = uid;
		role_gid = gid;
		run(FIRST_FD);
	}
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return err_sys(e, "start a process");
	}
	return pair[0];
}

int starter_start(int starter, enum starter_role role, const int *fds, size_t n)
{
	struct order o = { .role = (unsigned char)role, .n = (unsigned char)n };
	struct parcel p = { .data = &o, .len = sizeof(o) };

	if (n > PARCEL_FDS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		o.there[i] = fds[i] >= 0;
		if (fds[i] >= 0)
			p.fds[p.fds_n++] = fds[i];
	}
	return parcel_send_fds(starter, &p);
}
