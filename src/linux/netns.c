/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/netns.h"

#include "base/auto.h"
#include "base/err.h"
#include "linux/nlmsg.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* 'what' and 'name' are for the message. */
static int ask(int rtnl, struct nlmsg_request *rq, const char *what, const char *name,
	struct err *e)
{
	int r = nlmsg_ask(rtnl, rq);

	return r < 0 ? err_set(e, -r, "%s '%s': %s", what, name, err_text(-r)) : 0;
}

/* By way of the socket, whose namespace it is about. */
static int interface(int rtnl, unsigned long request, const char *name, struct ifreq *ret)
{
	*ret = (struct ifreq){ 0 };
	(void)snprintf(ret->ifr_name, sizeof(ret->ifr_name), "%s", name);
	return ioctl(rtnl, request, ret) < 0 ? -errno : 0;
}

/* "192.0.2.1/24" as bytes; without a prefix all bits. */
static int parse(const char *text, uint8_t bytes[16], uint8_t *bits, struct err *e)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchrnul(text, '/');
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	unsigned n = family == AF_INET ? 32 : 128;

	(void)snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	if (inet_pton(family, host, bytes) != 1 ||
		(*slash && sscanf(slash, "/%u", &n) != 1))
		return err_set(e, EINVAL, "'%s' is no address", text);
	*bits = (uint8_t)n;
	return family;
}

static size_t family_bytes(int family)
{
	return family == AF_INET ? 4 : 16;
}

int net_link_up(int rtnl, const char *name, struct err *e)
{
	struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nlmsg_request rq;
	struct ifreq at;
	int r;

	nlmsg_begin(&rq, RTM_NEWLINK, 0, &info, sizeof(info));
	nlmsg_add_str(&rq, IFLA_IFNAME, name);
	r = ask(rtnl, &rq, "bring up the network interface", name, e);
	if (r == 0 && (r = interface(rtnl, SIOCGIFINDEX, name, &at)) < 0)
		(void)err_set(e, -r, "find the network interface '%s'", name);
	return r < 0 ? r : at.ifr_ifindex;
}

bool net_link_running(int rtnl, const char *name)
{
	struct ifreq at;

	return interface(rtnl, SIOCGIFFLAGS, name, &at) == 0 &&
		(at.ifr_flags & IFF_RUNNING);
}

int net_loopback_up(struct err *e)
{
	auto_fd int rtnl = nlmsg_open(NETLINK_ROUTE, e);
	int r = rtnl < 0 ? rtnl : net_link_up(rtnl, "lo", e);

	return r < 0 ? r : 0;
}

int net_veth_add(int rtnl, const struct net_veth *v, struct err *e)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct nlmsg_request rq;
	struct nlattr *link, *data, *peer;

	nlmsg_begin(&rq, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	nlmsg_add_str(&rq, IFLA_IFNAME, v->name);
	nlmsg_add(&rq, IFLA_ADDRESS, v->mac, 6);
	link = nlmsg_nest(&rq, IFLA_LINKINFO);
	nlmsg_add(&rq, IFLA_INFO_KIND, "veth", 4);
	data = nlmsg_nest(&rq, IFLA_INFO_DATA);
	peer = nlmsg_nest(&rq, VETH_INFO_PEER);
	nlmsg_add_raw(&rq, &info, sizeof(info));
	nlmsg_add_str(&rq, IFLA_IFNAME, v->peer);
	nlmsg_add(&rq, IFLA_ADDRESS, v->peer_mac, 6);
	nlmsg_add_u32(&rq, IFLA_NET_NS_PID, (uint32_t)v->pid);
	nlmsg_nest_end(&rq, peer);
	nlmsg_nest_end(&rq, data);
	nlmsg_nest_end(&rq, link);
	return ask(rtnl, &rq, "make the network interface", v->name, e);
}

int net_address_add(int rtnl, int index, const char *address, struct err *e)
{
	struct ifaddrmsg fixed = { .ifa_index = (unsigned)index };
	struct nlmsg_request rq;
	uint8_t bytes[16];
	int family = parse(address, bytes, &fixed.ifa_prefixlen, e);

	if (family < 0)
		return family;
	fixed.ifa_family = (uint8_t)family;
	nlmsg_begin(
		&rq, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &fixed, sizeof(fixed));
	nlmsg_add(&rq, IFA_LOCAL, bytes, family_bytes(family));
	nlmsg_add(&rq, IFA_ADDRESS, bytes, family_bytes(family));
	/* nobody else is on the link, and a second's wait for that to show is long */
	if (family == AF_INET6)
		nlmsg_add_u32(&rq, IFA_FLAGS, IFA_F_NODAD);
	return ask(rtnl, &rq, "add the address", address, e);
}

int net_route_add(int rtnl, const struct net_route *route, struct err *e)
{
	struct rtmsg fixed = { .rtm_table = route->table ? route->table : RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = route->type };
	struct nlmsg_request rq;
	uint8_t to[16], via[16], bits;
	int family = parse(route->to, to, &fixed.rtm_dst_len, e), r;

	if (family < 0)
		return family;
	fixed.rtm_family = (uint8_t)family;
	fixed.rtm_scope = route->type == RTN_LOCAL ? RT_SCOPE_HOST
		: route->via                       ? RT_SCOPE_UNIVERSE
						   : RT_SCOPE_LINK;
	nlmsg_begin(
		&rq, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &fixed, sizeof(fixed));
	if (fixed.rtm_dst_len)
		nlmsg_add(&rq, RTA_DST, to, family_bytes(family));
	if (route->via) {
		r = parse(route->via, via, &bits, e);
		if (r < 0)
			return r;
		nlmsg_add(&rq, RTA_GATEWAY, via, family_bytes(family));
	}
	nlmsg_add_u32(&rq, RTA_OIF, (uint32_t)route->index);
	return ask(rtnl, &rq, "add the route to", route->to, e);
}

int net_rule_add(int rtnl, int family, const char *from, uint8_t table, struct err *e)
{
	struct fib_rule_hdr fixed = {
		.family = (uint8_t)family, .table = table, .action = FR_ACT_TO_TBL
	};
	struct nlmsg_request rq;

	nlmsg_begin(&rq, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof(fixed));
	nlmsg_add_u32(&rq, FRA_PRIORITY, table);
	nlmsg_add_str(&rq, FRA_IIFNAME, from);
	return ask(rtnl, &rq, "route what comes in from", from, e);
}

int net_neighbour_add(
	int rtnl, int index, const char *address, const uint8_t mac[6], struct err *e)
{
	struct ndmsg fixed = { .ndm_ifindex = index, .ndm_state = NUD_PERMANENT };
	struct nlmsg_request rq;
	uint8_t bytes[16], bits;
	int family = parse(address, bytes, &bits, e);

	if (family < 0)
		return family;
	fixed.ndm_family = (uint8_t)family;
	nlmsg_begin(
		&rq, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &fixed, sizeof(fixed));
	nlmsg_add(&rq, NDA_DST, bytes, family_bytes(family));
	nlmsg_add(&rq, NDA_LLADDR, mac, 6);
	return ask(rtnl, &rq, "add the neighbour", address, e);
}
