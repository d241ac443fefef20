/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. Two flows, one each way, each of which is either waiting for bytes or
 * waiting to be rid of them. Nothing is read before the bytes before it are gone, so an end
 * that stalls holds up the other.
 */
#include "guest/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOW_ROOM 65536U
#define HEARD_MS  2000

struct flow {
	int from, to;
	bool eof, over; /* nothing more comes; and it was passed on */
	size_t at, len;
	char room[FLOW_ROOM];
};

static volatile sig_atomic_t told_to_end;
static struct flow in, out;

static void on_term(int sig)
{
	(void)sig;
	told_to_end = 1;
}

/*
 * An end of output alone would look like one that was meant: say first, on standard error,
 * that it is not, and leave when that has been heard.
 */
int carry_say_broken(int status)
{
	if (!told_to_end && write(STDERR_FILENO, "!", 1) == 1 && !told_to_end)
		(void)poll(NULL, 0, HEARD_MS);
	return status;
}

/* A close that the other side sees as a failure, not as an end. */
static int reset(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(fd);
	return carry_say_broken(CARRY_BROKEN);
}

static bool not_now(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* One step: take bytes, or pass them on. False when an end is broken. */
static bool flow_step(struct flow *f)
{
	ssize_t n;

	if (f->at < f->len) {
		n = write(f->to, f->room + f->at, f->len - f->at);
		if (n > 0)
			f->at += (size_t)n;
		return n > 0 || not_now(n);
	}
	n = read(f->from, f->room, sizeof(f->room));
	f->at = 0;
	f->len = n > 0 ? (size_t)n : 0;
	f->eof = n == 0;
	/* more often than not it is taken at once */
	return f->len ? flow_step(f) : n == 0 || not_now(n);
}

static short flow_wants(const struct flow *f)
{
	return f->at < f->len ? POLLOUT : POLLIN;
}

/* The end of what comes in is the end of what goes out. */
static void flow_end(struct flow *f, int sock)
{
	if (!f->eof || f->over)
		return;
	f->over = true;
	if (f->to == sock)
		(void)shutdown(sock, SHUT_WR);
	else
		(void)close(f->to);
}

/* Nobody has a use for the rest of it: a writer who is left is to hear of that. */
static void flow_drop(struct flow *f, int sock)
{
	f->eof = true;
	f->at = f->len = 0;
	if (f->from == sock)
		(void)shutdown(sock, SHUT_RD);
	else
		(void)close(f->from);
	flow_end(f, sock);
}

static int run(int sock, enum carry_how how)
{
	struct flow *const flows[] = { &in, &out };

	while (!in.over || !out.over) {
		struct pollfd p[2];

		for (int i = 0; i < 2; i++) {
			const struct flow *f = flows[i];

			p[i] = (struct pollfd){ .events = flow_wants(f) };
			p[i].fd = f->over ? -1 : p[i].events == POLLOUT ? f->to : f->from;
		}
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return reset(sock);
		if (told_to_end && how == CARRY_WHOLE)
			return reset(sock);
		if (told_to_end && !out.over)
			flow_drop(&out, sock);
		for (int i = 0; i < 2; i++) {
			struct flow *f = flows[i];
			bool good =
				f->over || p[i].fd < 0 || !p[i].revents || flow_step(f);

			if (!good && how == CARRY_WHOLE)
				return reset(sock);
			if (!good)
				flow_drop(f, sock);
			flow_end(f, sock);
		}
	}
	return 0;
}

static void not_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void carry_signals(void)
{
	const struct sigaction term = { .sa_handler = on_term };

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigaction(SIGTERM, &term, NULL);
}

int carry(int sock, enum carry_how how)
{
	not_blocking(sock);
	not_blocking(STDIN_FILENO);
	not_blocking(STDOUT_FILENO);
	in = (struct flow){ .from = STDIN_FILENO, .to = sock };
	out = (struct flow){ .from = sock, .to = STDOUT_FILENO };
	return run(sock, how);
}
