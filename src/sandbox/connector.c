/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A question is a number and an index, an answer that number and a
 * connection. A server whose queue is full makes no error of it: that one is asked again until
 * it has room, as a program that connects by itself would wait.
 */
#include "sandbox/connector.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parcel.h"
#include "base/title.h"
#include "linux/idmap.h"
#include "linux/promise.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define KEEPER_FD  3
#define FIRST_NODE 4
/* Where descriptors wait while those below are put in order. */
#define PARK        128
#define AGAIN_MS    20
#define AGAIN_TIMES 1500

struct question {
	uint32_t number, which;
	unsigned tries; /* 0: free */
};

static struct question questions[CONNECTOR_QUESTIONS_MAX];
static uint32_t n_nodes;

/* By descriptor: whoever replaces the node meanwhile doesn't move it. */
static int try_connect(uint32_t which)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(
		to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%u", FIRST_NODE + which);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return take_fd(&fd);
}

static void answer(uint32_t number, int fd)
{
	int32_t code = fd < 0 ? fd : 0;
	struct parcel p = { .type = number,
		.data = &code,
		.len = sizeof(code),
		.fds = { fd },
		.fds_n = fd >= 0 };
	struct pollfd room = { .fd = KEEPER_FD, .events = POLLOUT };
	int r;

	while ((r = parcel_send_fds(KEEPER_FD, &p)) == -EAGAIN)
		(void)poll(&room, 1, -1);
	if (r < 0)
		_exit(0);
	if (fd >= 0)
		(void)close(fd);
}

static void try_question(struct question *q)
{
	int fd = try_connect(q->which);

	if (fd == -EAGAIN && ++q->tries <= AGAIN_TIMES)
		return;
	q->tries = 0;
	answer(q->number, fd);
}

static void take_question(const struct parcel *p)
{
	uint32_t which;

	if (p->len != sizeof(which))
		return;
	memcpy(&which, p->data, sizeof(which));
	for (size_t i = 0; i < CONNECTOR_QUESTIONS_MAX && which < n_nodes; i++)
		if (!questions[i].tries) {
			questions[i] = (struct question){ p->type, which, 1 };
			try_question(&questions[i]);
			return;
		}
	answer(p->type, -EMFILE);
}

static bool again(void)
{
	bool any = false;

	for (size_t i = 0; i < CONNECTOR_QUESTIONS_MAX; i++) {
		if (questions[i].tries)
			try_question(&questions[i]);
		any = any || questions[i].tries;
	}
	return any;
}

static void __attribute__((noreturn)) serve(void)
{
	static struct parcel p;
	struct pollfd pfd = { .fd = KEEPER_FD, .events = POLLIN };
	bool waiting = false;

	for (;;) {
		int r = poll(&pfd, 1, waiting ? AGAIN_MS : -1);

		if (r < 0 && errno != EINTR)
			_exit(1);
		while (r > 0 && (r = parcel_recv(KEEPER_FD, &p)) > 0) {
			parcel_close_fds(&p);
			take_question(&p);
		}
		/* the keeper's end is closed: r was 1 and is 0 */
		if (r == 0 && (pfd.revents & (POLLIN | POLLHUP)))
			_exit(0);
		waiting = again();
	}
}

/* Root's has the rights of who asks, and is for the server who it would be elsewhere. */
static void leave_root(const struct idmap *ids)
{
	uid_t uid;
	gid_t gid;

	if (!ids->root)
		return;
	if (!idmap_outside_uid(ids, ids->work_uid, &uid) ||
		!idmap_outside_gid(ids, ids->work_gid, &gid) || setgroups(0, NULL) < 0 ||
		setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(125);
}

static void __attribute__((noreturn))
become(const struct idmap *ids, int fd, const int *nodes, pid_t parent)
{
	sigset_t none;
	struct err e;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	title_set("brig-connector");
	/* both numbers may be in use for something else now */
	if (dup2(fd, PARK) < 0)
		_exit(125);
	for (uint32_t i = 0; i < n_nodes; i++)
		if (dup2(nodes[i], PARK + 1 + (int)i) < 0)
			_exit(125);
	for (uint32_t i = 0; i <= n_nodes; i++)
		if (dup3(PARK + (int)i, KEEPER_FD + (int)i, O_CLOEXEC) < 0)
			_exit(125);
	(void)syscall(SYS_close_range, FIRST_NODE + n_nodes, ~0U, 0U);
	leave_root(ids);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(125);
	if (promise(PROMISE_CONNECTOR, &e) < 0) {
		fprintf(stderr, "brig-connector: %s\n", e.msg);
		_exit(125);
	}
	serve();
}

int connector_spawn(const struct idmap *ids, const int *nodes, size_t n, struct err *e)
{
	pid_t pid, parent = getpid();
	int pair[2], r;

	if (n > CONNECTOR_SOCKETS_MAX)
		return err_set(e, E2BIG, "more than %d sockets", CONNECTOR_SOCKETS_MAX);
	r = parcel_pair(pair, e);
	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		n_nodes = (uint32_t)n;
		become(ids, pair[1], nodes, parent);
	}
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return err_sys(e, "start a process");
	}
	return pair[0];
}

int connector_ask(int connector, uint32_t number, size_t which)
{
	uint32_t index = (uint32_t)which;

	return parcel_send(connector, number, &index, sizeof(index));
}

int connector_answer(int connector, uint32_t *number, int *fd)
{
	static struct parcel p;
	int32_t code = -EPROTO;
	int r = parcel_recv(connector, &p);

	if (r <= 0)
		return r == -EPROTO ? 0 : r;
	if (p.len == sizeof(code))
		memcpy(&code, p.data, sizeof(code));
	*number = p.type;
	if (code == 0 && p.fds_n == 1) {
		*fd = p.fds[0];
		return 1;
	}
	parcel_close_fds(&p);
	*fd = code < 0 ? code : -EPROTO;
	return 1;
}
