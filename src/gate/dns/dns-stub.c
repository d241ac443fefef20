/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-stub.h"

#include "base/loop.h"
#include "base/str.h"
#include "base/test.h"
#include "gate/dns/dns-msg.h"

#include <netinet/in.h>
#include <sys/socket.h>

static bool is(const char *name, const char *label)
{
	return str_starts(name, label) && name[strlen(label)] == '.';
}

static size_t addresses(const struct dns_query *q, struct address ret[2])
{
	const char *v4 = NULL, *v6 = NULL;

	if (is(q->name, "none"))
		return 0;
	if (is(q->name, "private")) {
		v4 = "10.0.0.1";
		v6 = "fd00::1";
	} else {
		v4 = "203.0.114.1";
		v6 = "2606:4700::1";
	}
	expect(address_parse(q->type == DNS_A ? v4 : v6, &ret[0]) == 0);
	expect(address_parse("192.168.1.1", &ret[1]) == 0);
	return is(q->name, "mixed") && q->type == DNS_A ? 2 : 1;
}

/* Returns the length, 0 for silence. */
static size_t answer(const void *msg, size_t len, bool tcp, uint8_t *out)
{
	struct dns_query q;
	struct address addrs[2];
	struct dns_answer a = { .addrs = addrs, .ttl = 100, .ede = DNS_EDE_NONE };
	size_t n;

	if (dns_query_parse(msg, len, &q) < 0 || q.rcode || is(q.name, "silent"))
		return 0;
	a.n = addresses(&q, addrs);
	a.ttl = is(q.name, "brief") ? 1 : 100;
	if (is(q.name, "missing"))
		a.rcode = DNS_NXDOMAIN;
	if (is(q.name, "fail"))
		a.rcode = DNS_SERVFAIL;
	if (a.rcode)
		a.n = 0;
	n = dns_answer_build(&q, &a, out, DNS_OWN_ANSWER_MAX);
	if (is(q.name, "folds"))
		for (size_t i = DNS_HEADER; out[i]; i++)
			out[i] |= out[i] >= 'A' && out[i] <= 'Z' ? 32 : 0;
	if (is(q.name, "broken"))
		n -= 2;
	if ((is(q.name, "long") && !tcp) || is(q.name, "longest")) {
		out[2] |= 2;
		out[7] = 0;
		n = DNS_HEADER + q.question_len;
	}
	return n;
}

static void on_udp(struct loop_source *src, uint32_t events, void *data)
{
	struct dns_stub *s = data;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t msg[512], out[DNS_OWN_ANSWER_MAX], lie[DNS_OWN_ANSWER_MAX];
	ssize_t len = recvfrom(loop_source_fd(src), msg, sizeof(msg), 0,
		(struct sockaddr *)&from, &from_len);
	struct dns_query q;
	size_t n;

	(void)events;
	expect(len > 0);
	s->asked_udp++;
	n = answer(msg, (size_t)len, false, out);
	if (dns_query_parse(msg, (size_t)len, &q) == 0 && is(q.name, "forged")) {
		memcpy(lie, out, n);
		lie[0] ^= 1;
		(void)sendto(s->udp, lie, n, 0, (struct sockaddr *)&from, from_len);
		memcpy(lie, out, n);
		lie[13] = 'x';
		(void)sendto(s->udp, lie, n, 0, (struct sockaddr *)&from, from_len);
	}
	if (n)
		(void)sendto(s->udp, out, n, 0, (struct sockaddr *)&from, from_len);
}

/* Its clients send a question in one piece, so the test server needs no buffers. */
static void on_conn(struct loop_source *src, uint32_t events, void *data)
{
	struct dns_stub *s = data;
	uint8_t msg[514], out[2 + DNS_OWN_ANSWER_MAX];
	int fd = loop_source_fd(src);
	ssize_t len = recv(fd, msg, sizeof(msg), 0);
	size_t n = 0;

	(void)events;
	if (len > 2) {
		s->asked_tcp++;
		n = answer(msg + 2, (size_t)len - 2, true, out + 2);
		out[0] = (uint8_t)(n >> 8);
		out[1] = (uint8_t)n;
		expect(send(fd, out, 1, MSG_NOSIGNAL) == 1);
		expect(send(fd, out + 1, n + 1, MSG_NOSIGNAL) == (ssize_t)n + 1);
	}
	loop_source_free(src);
	(void)close(fd);
}

static void on_tcp(struct loop_source *src, uint32_t events, void *data)
{
	struct dns_stub *s = data;
	int fd = accept4(loop_source_fd(src), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	expect(fd >= 0);
	expect(loop_add_fd(s->loop, fd, EPOLLIN, on_conn, s, NULL, NULL) == 0);
}

/* The same port for both, which a stranger may have for one of them. */
static bool bind_both(struct dns_stub *s)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(sa);

	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	expect(s->udp >= 0 && s->tcp >= 0);
	expect(bind(s->udp, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	expect(getsockname(s->udp, (struct sockaddr *)&sa, &len) == 0);
	s->port = ntohs(sa.sin_port);
	if (bind(s->tcp, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return true;
	(void)close(s->udp);
	(void)close(s->tcp);
	return false;
}

void dns_stub_start(struct dns_stub *s, struct loop *l)
{
	*s = (struct dns_stub){ .loop = l };
	while (!bind_both(s))
		;
	expect(listen(s->tcp, 64) == 0);
	expect(loop_add_fd(l, s->udp, EPOLLIN, on_udp, s, NULL, NULL) == 0);
	expect(loop_add_fd(l, s->tcp, EPOLLIN, on_tcp, s, NULL, NULL) == 0);
}
