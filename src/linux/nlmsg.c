/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/nlmsg.h"

#include "base/auto.h"
#include "base/err.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_TIMEOUT_S 10

int nlmsg_open(int protocol, struct err *e)
{
	auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	/* the kernel answers within the call; this bounds what should not happen */
	struct timeval limit = { .tv_sec = ANSWER_TIMEOUT_S };

	if (fd < 0)
		return err_sys(e, "open a netlink socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return err_sys(e, "set up a netlink socket");
	return take_fd(&fd);
}

static void *extend(struct nlmsg_request *rq, size_t len)
{
	size_t at = NLMSG_ALIGN(rq->head.nlmsg_len), end = at + NLMSG_ALIGN(len);

	if (end > sizeof(rq->room)) {
		rq->full = true;
		return NULL;
	}
	memset(rq->room + at, 0, end - at);
	rq->head.nlmsg_len = (uint32_t)(at + len);
	return rq->room + at;
}

void nlmsg_begin(struct nlmsg_request *rq, uint16_t type, uint16_t flags,
	const void *fixed, size_t len)
{
	void *at;

	rq->full = false;
	rq->head = (struct nlmsghdr){ .nlmsg_len = NLMSG_HDRLEN,
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
		.nlmsg_seq = 1 };
	at = extend(rq, len);
	if (at)
		memcpy(at, fixed, len);
}

void nlmsg_add(struct nlmsg_request *rq, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = extend(rq, NLA_HDRLEN + len);

	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	if (len)
		memcpy((char *)a + NLA_HDRLEN, data, len);
}

void nlmsg_add_raw(struct nlmsg_request *rq, const void *data, size_t len)
{
	void *at = extend(rq, len);

	if (at)
		memcpy(at, data, len);
}

void nlmsg_add_u32(struct nlmsg_request *rq, uint16_t type, uint32_t value)
{
	nlmsg_add(rq, type, &value, sizeof(value));
}

void nlmsg_add_str(struct nlmsg_request *rq, uint16_t type, const char *text)
{
	nlmsg_add(rq, type, text, strlen(text) + 1);
}

struct nlattr *nlmsg_nest(struct nlmsg_request *rq, uint16_t type)
{
	struct nlattr *a = extend(rq, NLA_HDRLEN);

	if (a)
		*a = (struct nlattr){ .nla_type = type | NLA_F_NESTED };
	return a;
}

void nlmsg_nest_end(struct nlmsg_request *rq, struct nlattr *nest)
{
	if (nest)
		nest->nla_len = (uint16_t)(NLMSG_ALIGN(rq->head.nlmsg_len) -
			(size_t)((unsigned char *)nest - rq->room));
}

/* Take one datagram of answers. Counts the good ones down; returns the first failure. */
static int take_answers(int fd, unsigned *left)
{
	_Alignas(struct nlmsghdr) char buf[8192];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	size_t rest = n < 0 ? 0 : (size_t)n;

	if (n < 0)
		return errno == EINTR ? 0 : errno == EAGAIN ? -ETIMEDOUT : -errno;
	for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, rest);
		h = NLMSG_NEXT(h, rest)) {
		const struct nlmsgerr *answer = NLMSG_DATA(h);

		if (h->nlmsg_type != NLMSG_ERROR ||
			h->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)))
			continue;
		if (answer->error)
			return answer->error;
		if (*left)
			(*left)--;
	}
	return 0;
}

int nlmsg_send_batch(int fd, const void *data, size_t len, unsigned acks)
{
	int r = 0;

	if (send(fd, data, len, 0) < 0)
		return -errno;
	while (r == 0 && acks)
		r = take_answers(fd, &acks);
	return r;
}

int nlmsg_ask(int fd, struct nlmsg_request *rq)
{
	return rq->full ? -EMSGSIZE
			: nlmsg_send_batch(fd, rq->room, rq->head.nlmsg_len, 1);
}
