/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/gatens.h"

#include "base/auto.h"
#include "base/err.h"
#include "linux/netns.h"
#include "linux/nlmsg.h"
#include "linux/pidfds.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define LINK_NAME  "gate0"
#define GUEST_LINK "eth0"
#define BACKLOG    1024
/* For a worker of the kernel's to notice that the link is up: at most 200 ms. */
#define RUNNING_NAPS   1000
#define RUNNING_NAP_NS 200000

#define TABLE 100 /* any that is not in use */

/* locally administered; the second is GATENS_GUEST_MAC */
static const uint8_t gate_mac[6] = { 0x02, 'b', 'r', 'i', 'g', 1 };
static const uint8_t guest_mac[6] = { 0x02, 'b', 'r', 'i', 'g', 2 };

static int load_rules(struct err *e)
{
	auto_fd int fd = nlmsg_open(NETLINK_NETFILTER, e);
	int r = fd < 0
		? fd
		: nlmsg_send_batch(fd, gatens_rules, gatens_rules_len, gatens_rules_acks);

	if (fd < 0 || r == 0)
		return r;
	(void)err_set(e, -r, "set the packet rules of the gate: %s", err_text(-r));
	err_hint(e,
		"it takes nf_tables and nft_tproxy in the kernel: modprobe nft_tproxy");
	return r;
}

static int set(int fd, int level, int option, const char *what, struct err *e)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? err_sys(e, "%s", what)
								  : 0;
}

static int open_socket(int family, int type, struct err *e)
{
	auto_fd int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool v6 = family == AF_INET6;
	int r;

	if (fd < 0)
		return err_sys(e, "make a socket of the gate");
	r = set(fd, SOL_SOCKET, SO_REUSEADDR, "share a port", e);
	if (r == 0 && v6)
		r = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, "keep to IPv6", e);
	/* takes CAP_NET_ADMIN, which only the maker of the namespace has; sockets that are
	 * accepted inherit it */
	if (r == 0)
		r = v6 ? set(fd, SOL_IPV6, IPV6_TRANSPARENT, "be transparent", e)
		       : set(fd, SOL_IP, IP_TRANSPARENT, "be transparent", e);
	if (r == 0 && type == SOCK_DGRAM)
		r = v6 ? set(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR, "see who was asked", e)
		       : set(fd, SOL_IP, IP_RECVORIGDSTADDR, "see who was asked", e);
	return r < 0 ? r : take_fd(&fd);
}

/* 'address' NULL: any. */
static int bind_socket(int fd, int family, const char *address, int port, struct err *e)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	int r;

	if (address)
		(void)inet_pton(family, address,
			family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
	r = family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
			      : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	return r < 0 ? err_sys(e, "bind port %d of the gate", port) : 0;
}

static int open_listener(enum gatens_fd which, struct err *e)
{
	int family = which % 2 ? AF_INET6 : AF_INET, port = 53, r;
	int type = which >= GATENS_UDP4 ? SOCK_DGRAM : SOCK_STREAM;
	const char *address = NULL;
	auto_fd int fd = open_socket(family, type, e);

	if (fd < 0)
		return fd;
	if (which == GATENS_TCP4 || which == GATENS_TCP6)
		port = GATENS_PORT_TRANSPARENT;
	if (which == GATENS_PROXY4 || which == GATENS_PROXY6) {
		port = GATENS_PORT_PROXY;
		address = family == AF_INET ? GATENS_GATE4 : GATENS_GATE6;
	}
	r = bind_socket(fd, family, address, port, e);
	if (r == 0 && type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		r = err_sys(e, "listen on port %d of the gate", port);
	return r < 0 ? r : take_fd(&fd);
}

/* Whatever comes over the link is for here, whichever address it was sent to. What this
 * side sends has no other way than the link. */
static int make_routes(int rtnl, bool v6, struct err *e)
{
	/* the loopback interface is the first that a namespace has */
	struct net_route all = {
		.to = "0.0.0.0/0", .index = 1, .type = RTN_LOCAL, .table = TABLE
	};
	int r = net_route_add(rtnl, &all, e);

	if (r == 0)
		r = net_rule_add(rtnl, AF_INET, LINK_NAME, TABLE, e);
	if (r < 0 || !v6)
		return r;
	all.to = "::/0";
	r = net_route_add(rtnl, &all, e);
	return r < 0 ? r : net_rule_add(rtnl, AF_INET6, LINK_NAME, TABLE, e);
}

static bool has_ipv6(void)
{
	auto_fd int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	/* the family may be there and switched off (net.ipv6.conf.all.disable_ipv6) */
	return fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
}

int gatens_make(int fds[GATENS_FDS], struct err *e)
{
	auto_fd int rtnl = nlmsg_open(NETLINK_ROUTE, e);
	int r = rtnl < 0 ? rtnl : net_loopback_up(e);
	bool v6 = r == 0 && has_ipv6();

	for (int i = 0; i < GATENS_FDS; i++)
		fds[i] = -1;
	if (r == 0)
		r = load_rules(e);
	if (r == 0)
		r = make_routes(rtnl, v6, e);
	for (enum gatens_fd i = 0; r == 0 && i < GATENS_FDS; i++) {
		if (i % 2 && !v6)
			continue;
		fds[i] = open_listener(i, e);
		r = fds[i] < 0 ? fds[i] : 0;
	}
	for (int i = 0; r < 0 && i < GATENS_FDS; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return r < 0 ? err_wrap(e, "make the gate's network") : 0;
}

/* Go into the network namespace of 'pid' and bring its end of the link up. */
static int up_theirs(pid_t pid, struct err *e)
{
	auto_fd int pidfd = pidfd_open_pid(pid, e);
	int r = pidfd < 0 ? pidfd : 0;
	auto_fd int rtnl = -1;

	if (r == 0 && setns(pidfd, CLONE_NEWNET) < 0)
		r = err_sys(e, "enter the sandbox's network");
	if (r == 0 && (rtnl = nlmsg_open(NETLINK_ROUTE, e)) < 0)
		r = rtnl;
	if (r == 0)
		r = net_link_up(rtnl, GUEST_LINK, e);
	return r < 0 ? r : 0;
}

/*
 * Of two ends, the kernel starts the queue of the one that comes up second at once, and of
 * the first when a worker has noticed; what is sent before is lost. So the gate's end is
 * second, and the sandbox waits for its own.
 */
int gatens_link(pid_t pid, struct err *e)
{
	const struct net_veth pair = { .name = LINK_NAME,
		.peer = GUEST_LINK,
		.mac = gate_mac,
		.peer_mac = guest_mac,
		.pid = pid };
	auto_fd int rtnl = nlmsg_open(NETLINK_ROUTE, e);
	bool v6 = has_ipv6();
	int r = rtnl < 0 ? rtnl : net_veth_add(rtnl, &pair, e), index;

	if (r == 0)
		r = up_theirs(pid, e);
	index = r < 0 ? r : net_link_up(rtnl, LINK_NAME, e);
	if (index < 0)
		return index;
	r = net_address_add(rtnl, index, GATENS_GATE4 GATENS_BITS4, e);
	if (r == 0)
		r = net_neighbour_add(rtnl, index, GATENS_GUEST4, guest_mac, e);
	if (r == 0 && v6)
		r = net_address_add(rtnl, index, GATENS_GATE6 GATENS_BITS6, e);
	if (r == 0 && v6)
		r = net_neighbour_add(rtnl, index, GATENS_GUEST6, guest_mac, e);
	return r;
}

static void wait_for_link(int rtnl)
{
	const struct timespec nap = { .tv_nsec = RUNNING_NAP_NS };

	for (int i = 0; i < RUNNING_NAPS && !net_link_running(rtnl, GUEST_LINK); i++)
		(void)nanosleep(&nap, NULL);
}

int gatens_guest_up(struct err *e)
{
	auto_fd int rtnl = nlmsg_open(NETLINK_ROUTE, e);
	int r = rtnl < 0 ? rtnl : net_loopback_up(e);
	int index = r < 0 ? r : net_link_up(rtnl, GUEST_LINK, e);
	struct net_route way = { .to = "0.0.0.0/0",
		.via = GATENS_GATE4,
		.index = index,
		.type = RTN_UNICAST };
	bool v6 = has_ipv6();

	if (index < 0)
		return index;
	wait_for_link(rtnl);
	r = net_address_add(rtnl, index, GATENS_GUEST4 GATENS_BITS4, e);
	if (r == 0)
		r = net_neighbour_add(rtnl, index, GATENS_GATE4, gate_mac, e);
	if (r == 0)
		r = net_route_add(rtnl, &way, e);
	if (r == 0 && v6)
		r = net_address_add(rtnl, index, GATENS_GUEST6 GATENS_BITS6, e);
	if (r == 0 && v6)
		r = net_neighbour_add(rtnl, index, GATENS_GATE6, gate_mac, e);
	/* nobody there has this address, so nobody would answer for it, as ARP does */
	if (r == 0 && v6)
		r = net_neighbour_add(rtnl, index, GATENS_HOST6, gate_mac, e);
	way.to = "::/0";
	way.via = GATENS_GATE6;
	return r == 0 && v6 ? net_route_add(rtnl, &way, e) : r;
}

int gatens_guest_socket(struct err *e)
{
	auto_fd int rtnl = nlmsg_open(NETLINK_ROUTE, e);
	int index = rtnl < 0 ? rtnl : net_link_up(rtnl, GUEST_LINK, e);
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = index };
	auto_fd int fd = -1;
	int r;

	if (index < 0)
		return index;
	wait_for_link(rtnl);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "make a packet socket");
	r = set(fd, SOL_PACKET, PACKET_VNET_HDR, "take frames as they are", e);
	if (r == 0) /* Linux 4.20; else the guest drops its own frames */
		(void)set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, "", NULL);
	if (r == 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		r = err_sys(e, "bind a packet socket");
	return r < 0 ? r : take_fd(&fd);
}

/* One bit for each listener that there is, and then these. */
int gatens_send(int sock, const int fds[GATENS_FDS])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(GATENS_FDS * sizeof(int))];
	} control = { .room = { 0 } };
	unsigned char which = 0;
	struct iovec iov = { &which, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room
	};
	int *out = (int *)CMSG_DATA(&control.head);
	size_t n = 0;

	for (int i = 0; i < GATENS_FDS; i++)
		if (fds[i] >= 0) {
			which |= (unsigned char)(1U << i);
			out[n++] = fds[i];
		}
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
	m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	return sendmsg(sock, &m, MSG_NOSIGNAL) == 1 ? 0 : -EPIPE;
}

int gatens_receive(int sock, int fds[GATENS_FDS])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(GATENS_FDS * sizeof(int))];
	} control;
	unsigned char which = 0;
	struct iovec iov = { &which, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	const int *in;

	/* from a process of brig's own that has run nothing of the sandbox's yet */
	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !(c = CMSG_FIRSTHDR(&m)) ||
		c->cmsg_type != SCM_RIGHTS ||
		c->cmsg_len != CMSG_LEN((size_t)__builtin_popcount(which) * sizeof(int)))
		return -EIO;
	in = (const int *)CMSG_DATA(c);
	for (int i = 0; i < GATENS_FDS; i++)
		fds[i] = which & (1U << i) ? *in++ : -1;
	return 0;
}
