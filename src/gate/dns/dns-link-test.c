/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name server at the end of a sandbox's link: in a namespace of its own a client asks
 * servers anywhere, and hears from just those.
 */
#include "gate/dns/dns.h"

#include "base/err.h"
#include "base/loop.h"
#include "base/test.h"
#include "gate/dns/dns-stub.h"
#include "gate/gate.h"
#include "linux/gatens.h"
#include "linux/idmap.h"
#include "linux/netns.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

bool gate_is_proxied(const struct gate *g, const char *name)
{
	(void)name;
	return g->proxy;
}

void gate_judge(struct gate *g, const struct policy_query *q, struct policy_verdict *ret)
{
	policy_judge(g->policy, q, ret);
}

void gate_log(struct gate *g, const struct gate_event *ev)
{
	(void)g;
	(void)ev;
}

static void on_listener(struct loop_source *src, uint32_t events, void *data)
{
	int fd = accept4(loop_source_fd(src), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	expect(fd >= 0);
	expect(dns_serve_tcp(((struct gate *)data)->dns, fd, NULL) == 0);
}

static void serve(struct gate *g, const int fds[GATENS_FDS], int done)
{
	const int udp[2] = { fds[GATENS_UDP4], fds[GATENS_UDP6] };
	char byte;

	expect(dns_start(g, udp, &g->dns, NULL) == 0);
	expect(loop_add_fd(g->loop, fds[GATENS_TCP4], EPOLLIN, on_listener, g, NULL,
		       NULL) == 0);
	while (recv(done, &byte, 1, MSG_DONTWAIT) < 0)
		expect(loop_once(g->loop, 50) == 0);
	dns_stop(g->dns);
}

/* The gate is in a third network, with the listeners and no capability over where they
 * are. */
static void be_gate(const int fds[GATENS_FDS], int done)
{
	struct gate g = { .ipv6 = true };
	struct dns_stub stub;
	struct address upstream;
	struct err e = { 0 };
	struct rule r;

	expect(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
	expect(net_loopback_up(&e) == 0);
	expect(loop_new(&g.loop, &e) == 0 && resolver_new(g.loop, &g.resolver, &e) == 0);
	expect(pins_open(-1, &g.pins) == 0);
	g.policy = policy_new();
	expect(rule_parse("allow ok.example", "sandbox", &r, &e) == 0);
	expect(policy_add(g.policy, &r) == 0 && policy_seal(g.policy) == 0);
	dns_stub_start(&stub, g.loop);
	expect(address_parse("127.0.0.1", &upstream) == 0);
	expect(resolver_add_server(g.resolver, &upstream, stub.port) == 0);
	serve(&g, fds, done);
	resolver_free(g.resolver);
	policy_free(g.policy);
	pins_free(g.pins);
	loop_free(g.loop);
}

/* A connected socket takes only what comes from the very address and port it asks. */
static int dial(const char *server, int type)
{
	struct timeval limit = { .tv_usec = 300000 };
	struct sockaddr_storage sa;
	struct address a;
	socklen_t len;
	int fd;

	expect(address_parse(server, &a) == 0);
	len = address_to_sockaddr(&a, 53, &sa);
	fd = socket(sa.ss_family, type | SOCK_CLOEXEC, 0);
	expect(fd >= 0);
	expect(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	expect(connect(fd, (struct sockaddr *)&sa, len) == 0);
	return fd;
}

static const char question[] = "\0\x1c"
			       "\x12\x34\1\0\0\1\0\0\0\0\0\0\2ok\7example\0\0\1\0\1";

/* Again and again, as resolvers do: a link that has just come up may lose a datagram. */
static void ask(const char *server)
{
	int fd = dial(server, SOCK_DGRAM);
	char answer[512];
	ssize_t n = -1;

	for (int i = 0; i < 20 && n < 0; i++) {
		expect(send(fd, question + 2, sizeof(question) - 3, 0) > 0);
		n = recv(fd, answer, sizeof(answer), 0);
	}
	if (n < 0)
		fprintf(stderr, "%s doesn't answer\n", server);
	expect(n == (ssize_t)sizeof(question) - 3 + 16);
	expect(memcmp(answer + n - 4, "\xcb\0\x72\1", 4) == 0);
	(void)close(fd);
}

static void ask_tcp(const char *server)
{
	struct timeval limit = { .tv_sec = 5 };
	int fd = dial(server, SOCK_STREAM);
	char answer[512];

	expect(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	expect(send(fd, question, sizeof(question) - 1, 0) > 0);
	expect(recv(fd, answer, 46, MSG_WAITALL) == 46);
	expect(memcmp(answer + 42, "\xcb\0\x72\1", 4) == 0);
	(void)close(fd);
}

static void be_guest(bool ipv6)
{
	ask(GATENS_GATE4);
	ask("8.8.8.8");
	ask("192.168.77.1");
	ask("1.1.1.1");
	ask_tcp("9.9.9.9");
	if (ipv6) {
		ask(GATENS_GATE6);
		ask("2001:4860:4860::8888");
	}
}

static void ended_well(pid_t pid)
{
	int status;

	expect(waitpid(pid, &status, 0) == pid);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(whichever_server_is_asked_seems_to_answer)
{
	struct idmap m;
	struct err e = { 0 };
	int fds[GATENS_FDS], guest_sp[2], gate_sp[2];
	pid_t guest, gate;
	char byte;

	expect(idmap_for_caller(&m, &e) == 0);
	if (idmap_enter(&m, &e) < 0)
		test_skip("this host lets the tester make no user namespace");
	expect(unshare(CLONE_NEWNET) == 0);
	if (gatens_make(fds, &e) < 0)
		test_skip(e.msg);
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, guest_sp) == 0);
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate_sp) == 0);
	guest = fork();
	if (guest == 0) {
		(void)close(guest_sp[0]); /* whoever is left alone shall notice */
		expect(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
		expect(send(guest_sp[1], "r", 1, 0) == 1);
		expect(recv(guest_sp[1], &byte, 1, 0) == 1);
		expect(gatens_guest_up(&e) == 0);
		be_guest(fds[GATENS_UDP6] >= 0);
		exit(0);
	}
	expect(recv(guest_sp[0], &byte, 1, 0) == 1);
	gate = fork();
	if (gate == 0) {
		(void)close(guest_sp[0]);
		(void)close(gate_sp[0]);
		be_gate(fds, gate_sp[1]);
		exit(0);
	}
	expect(gatens_link(guest, &e) == 0);
	expect(send(guest_sp[0], "g", 1, 0) == 1);
	ended_well(guest);
	expect(send(gate_sp[0], "d", 1, 0) == 1);
	ended_well(gate);
}
