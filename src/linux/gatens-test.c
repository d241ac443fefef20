/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/gatens.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"
#include "linux/idmap.h"
#include "linux/ns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct pair {
	int fds[GATENS_FDS];
	pid_t guest;
	int go; /* a byte on it lets the guest begin */
};

/* The guest's side runs 'guest' in a namespace of its own, linked with the gate's. */
static struct pair linked(void (*guest)(void))
{
	struct err e = { 0 };
	struct idmap m;
	struct pair p;
	int go[2], ready[2];
	char byte;

	expect(idmap_for_caller(&m, &e) == 0);
	if (idmap_enter(&m, &e) < 0)
		test_skip("this host lets the tester make no user namespace");
	expect(unshare(CLONE_NEWNET) == 0);
	if (gatens_make(p.fds, &e) < 0)
		test_skip(e.msg);
	expect(pipe(go) == 0 && pipe(ready) == 0);
	p.guest = fork();
	if (p.guest == 0) {
		for (int i = 0; i < GATENS_FDS; i++)
			close_auto(&p.fds[i]);
		expect(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
		expect(write(ready[1], "r", 1) == 1);
		expect(read(go[0], &byte, 1) == 1);
		expect(gatens_guest_up(&e) == 0);
		guest();
		exit(0);
	}
	expect(read(ready[0], &byte, 1) == 1);
	if (gatens_link(p.guest, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	p.go = go[1];
	expect(write(p.go, "g", 1) == 1);
	return p;
}

static int incoming(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 5000);
}

static void ended_well(pid_t pid)
{
	int status;

	expect(waitpid(pid, &status, 0) == pid);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int dial(int family, const char *address, int port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = 2 };

	expect(fd >= 0);
	expect(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0);
	(void)inet_pton(family, address,
		family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
	return family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
				 : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
}

static void dial_anywhere(void)
{
	expect(dial(AF_INET, "1.2.3.4", 443) == 0);
	expect(dial(AF_INET, GATENS_GATE4, GATENS_PORT_PROXY) == 0);
	expect(dial(AF_INET6, "2001:db8::9", 8080) == 0);
}

TEST(a_connection_to_anywhere_arrives_and_says_where_it_was_to_go)
{
	struct pair p = linked(dial_anywhere);
	struct sockaddr_in to4;
	struct sockaddr_in6 to6;
	socklen_t len4 = sizeof(to4), len6 = sizeof(to6);
	char text[64];
	int fd;

	expect(incoming(p.fds[GATENS_TCP4]) == 1);
	fd = accept4(p.fds[GATENS_TCP4], NULL, NULL, SOCK_CLOEXEC);
	expect(fd >= 0 && getsockname(fd, (struct sockaddr *)&to4, &len4) == 0);
	expect_str(inet_ntop(AF_INET, &to4.sin_addr, text, sizeof(text)), "1.2.3.4");
	expect(ntohs(to4.sin_port) == 443);
	expect(incoming(p.fds[GATENS_PROXY4]) == 1);
	if (p.fds[GATENS_TCP6] >= 0) {
		expect(incoming(p.fds[GATENS_TCP6]) == 1);
		fd = accept4(p.fds[GATENS_TCP6], NULL, NULL, SOCK_CLOEXEC);
		expect(fd >= 0 && getsockname(fd, (struct sockaddr *)&to6, &len6) == 0);
		expect_str(inet_ntop(AF_INET6, &to6.sin6_addr, text, sizeof(text)),
			"2001:db8::9");
	}
	ended_well(p.guest);
}

static int arrived[2]; /* a byte on it: the link is not needed any more */

static void send_datagrams(void)
{
	char byte;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(443) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	expect(fd >= 0);
	(void)inet_pton(AF_INET, "8.8.8.8", &to.sin_addr);
	expect(sendto(fd, "quic", 4, 0, (struct sockaddr *)&to, sizeof(to)) == 4);
	to.sin_port = htons(53);
	expect(sendto(fd, "dns", 3, 0, (struct sockaddr *)&to, sizeof(to)) == 3);
	/* what still waits for its neighbour's address goes with the namespace */
	expect(read(arrived[0], &byte, 1) == 1);
}

TEST(datagrams_arrive_at_port_53_only)
{
	struct pair p;
	char text[16];
	int n;

	expect(pipe(arrived) == 0);
	p = linked(send_datagrams);
	n = incoming(p.fds[GATENS_UDP4]);
	expect(write(arrived[1], "a", 1) == 1);
	expect(n == 1);
	expect(recv(p.fds[GATENS_UDP4], text, sizeof(text), 0) == 3);
	ended_well(p.guest);
}

static int gone[2]; /* a byte on it: the gate's side is no more */

static void dial_after_the_end(void)
{
	char byte;

	expect(read(gone[0], &byte, 1) == 1);
	expect(dial(AF_INET, "1.2.3.4", 443) < 0);
}

TEST(without_its_listeners_the_link_is_gone)
{
	struct pair p;

	expect(pipe(gone) == 0);
	p = linked(dial_after_the_end);
	for (int i = 0; i < GATENS_FDS; i++)
		close_auto(&p.fds[i]);
	expect(unshare(CLONE_NEWNET) == 0);
	expect(write(gone[1], "g", 1) == 1);
	ended_well(p.guest);
}
