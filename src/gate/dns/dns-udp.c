/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-parts.h"

#include "base/err.h"
#include "base/loop.h"

#include <netinet/in.h>
#include <string.h>

#define ROUND 64 /* datagrams, then others of the gate have their turn */

/* Linux's own (linux/in6.h), which doesn't go together with netinet/in.h everywhere. */
#ifndef IPV6_ORIGDSTADDR
#define IPV6_ORIGDSTADDR 74
#endif

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct sockaddr_in6)) +
		CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* What address the datagram was sent to, before TPROXY brought it here (ip(7)). */
static void find_destination(struct msghdr *m, struct sockaddr_storage *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_ORIGDSTADDR &&
			c->cmsg_len >= CMSG_LEN(sizeof(struct sockaddr_in)))
			memcpy(ret, CMSG_DATA(c), sizeof(struct sockaddr_in));
		if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR &&
			c->cmsg_len >= CMSG_LEN(sizeof(struct sockaddr_in6)))
			memcpy(ret, CMSG_DATA(c), sizeof(struct sockaddr_in6));
	}
}

/* Returns whether there may be more. */
static bool receive(struct dns *d, int fd)
{
	uint8_t msg[DNS_QUERY_MAX];
	union control control;
	struct dns_path via = { .fd = fd };
	struct iovec io = { .iov_base = msg, .iov_len = sizeof(msg) };
	struct msghdr m = {
		.msg_name = &via.from,
		.msg_namelen = sizeof(via.from),
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	/* an error is one of a datagram that was sent (udp(7)); the next may be fine */
	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	if (m.msg_flags & MSG_TRUNC)
		return true;
	find_destination(&m, &via.to);
	dns_take(d, msg, (size_t)n, &via);
	return true;
}

static void on_datagram(struct loop_source *src, uint32_t events, void *data)
{
	(void)events;
	for (int i = 0; i < ROUND && receive(data, loop_source_fd(src)); i++)
		;
}

int dns_udp_start(struct dns *d, size_t i, int fd, struct err *e)
{
	return loop_add_fd(d->gate->loop, fd, EPOLLIN, on_datagram, d, &d->udp[i], e);
}

static size_t put_source(const struct sockaddr_storage *to, struct cmsghdr *c)
{
	struct in_pktinfo v4 = { 0 };
	struct in6_pktinfo v6 = { 0 };

	if (to->ss_family == AF_INET) {
		v4.ipi_spec_dst = ((const struct sockaddr_in *)to)->sin_addr;
		c->cmsg_level = SOL_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(v4));
		memcpy(CMSG_DATA(c), &v4, sizeof(v4));
		return CMSG_SPACE(sizeof(v4));
	}
	v6.ipi6_addr = ((const struct sockaddr_in6 *)to)->sin6_addr;
	c->cmsg_level = SOL_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(v6));
	memcpy(CMSG_DATA(c), &v6, sizeof(v6));
	return CMSG_SPACE(sizeof(v6));
}

/*
 * The source of the answer is the address that was asked, which need not be one of ours:
 * a socket with IP_TRANSPARENT may say so, also without the capability that made it one.
 * An answer that can't be sent is lost, as datagrams may be.
 */
void dns_udp_send(const struct dns_path *via, const void *msg, size_t len)
{
	union control control = { 0 };
	struct sockaddr_storage from = via->from;
	char room[DNS_OWN_ANSWER_MAX];
	struct iovec io = { .iov_base = room, .iov_len = len };
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = from.ss_family == AF_INET ? sizeof(struct sockaddr_in)
							 : sizeof(struct sockaddr_in6),
		.msg_iov = &io,
		.msg_iovlen = 1,
	};

	if (len > sizeof(room))
		return;
	memcpy(room, msg, len);
	if (via->to.ss_family) {
		m.msg_control = &control;
		m.msg_controllen = put_source(&via->to, &control.align);
	}
	(void)sendmsg(via->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}
