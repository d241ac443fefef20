/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A published port ends here: the keeper accepts on the host, and
 * runs this inside for each connection, so that a server which listens on the sandbox's
 * loopback is reached without a route into the sandbox.
 */
#include "guest/dial.h"

#include "base/err.h"
#include "base/str.h"
#include "guest/carry.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

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

int dial_run(const char *port)
{
	uint64_t n;
	int sock;

	if (str_to_uint(port, 65535, "port", &n, NULL) < 0 || n == 0)
		return DIAL_REFUSED;
	carry_signals();
	sock = dial_one(AF_INET, (uint16_t)n);
	if (sock < 0)
		sock = dial_one(AF_INET6, (uint16_t)n);
	if (sock < 0)
		return carry_say_broken(DIAL_REFUSED);
	return carry(sock, CARRY_WHOLE);
}
