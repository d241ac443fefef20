/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A published port ends here: the keeper accepts on the host, and
 * runs this inside for each connection, so that a server which listens on the sandbox's
 * loopback is reached without a route into the sandbox. Two flows, one each way, each of
 * which is either waiting for bytes or waiting to be rid of them.
 */
#include "guest/dial.h"

#include "base/err.h"
#include "base/str.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

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

static int dial_one(int family, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const struct sockaddr *to =
		family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	auto_fd int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || connect(fd, to, family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return take_fd(&fd);
}

/*
 * An end of output alone would look like one that was meant: say first, on standard error,
 * that it is not, and leave when that has been heard.
 */
static int say_broken(int status)
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
	return say_broken(DIAL_BROKEN);
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

static int carry(int sock)
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
		if (told_to_end)
			return reset(sock);
		for (int i = 0; i < 2; i++) {
			if (p[i].fd >= 0 && p[i].revents && !flow_step(flows[i]))
				return reset(sock);
			flow_end(flows[i], sock);
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

int dial_run(const char *port)
{
	const struct sigaction term = { .sa_handler = on_term };
	uint64_t n;
	int sock;

	if (str_to_uint(port, 65535, "port", &n, NULL) < 0 || n == 0)
		return DIAL_REFUSED;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigaction(SIGTERM, &term, NULL);
	sock = dial_one(AF_INET, (uint16_t)n);
	if (sock < 0)
		sock = dial_one(AF_INET6, (uint16_t)n);
	if (sock < 0)
		return say_broken(DIAL_REFUSED);
	not_blocking(sock);
	not_blocking(STDIN_FILENO);
	not_blocking(STDOUT_FILENO);
	in = (struct flow){ .from = STDIN_FILENO, .to = sock };
	out = (struct flow){ .from = sock, .to = STDOUT_FILENO };
	return carry(sock);
}
