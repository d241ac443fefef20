/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/netns.h"

#include "base/auto.h"
#include "base/err.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* a request to change one link, named */
struct link_request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	struct nlattr name;
	char text[IFNAMSIZ];
};

/* What the kernel said to the request: 0 or -errno. */
static int receive_ack(int fd, uint32_t seq)
{
	_Alignas(struct nlmsghdr) char buf[4096];

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		struct nlmsghdr *h = (void *)buf;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!NLMSG_OK(h, (size_t)n))
			return -EBADMSG;
		if (h->nlmsg_seq == seq && h->nlmsg_type == NLMSG_ERROR &&
			h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
	}
}

int net_loopback_up(struct err *e)
{
	auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct link_request rq = {
		.head = { .nlmsg_len = sizeof(rq),
			.nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
			.nlmsg_seq = 1 },
		.info = { .ifi_family = AF_UNSPEC,
			.ifi_flags = IFF_UP,
			.ifi_change = IFF_UP },
		.name = { .nla_len = sizeof(rq.name) + sizeof(rq.text),
			.nla_type = IFLA_IFNAME },
		.text = "lo",
	};
	int r;

	if (fd < 0)
		return err_sys(e, "open a netlink socket");
	if (send(fd, &rq, sizeof(rq), 0) < 0)
		return err_sys(e, "send to netlink");
	r = receive_ack(fd, 1);
	if (r < 0) {
		errno = -r;
		return err_sys(e, "bring the loopback interface up");
	}
	return 0;
}
