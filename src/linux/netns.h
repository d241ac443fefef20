/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.h - the network namespace's interfaces, through rtnetlink(7).
 *
 * All of it is about the network namespace that 'rtnl', a socket of nlmsg_open(NETLINK_ROUTE),
 * was opened in, wherever the caller is meanwhile, and needs CAP_NET_ADMIN over it.
 */
#ifndef BRIG_LINUX_NETNS_H
#define BRIG_LINUX_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* In the current namespace: bring "lo" up, with 127.0.0.1 and ::1. */
int net_loopback_up(struct err *e);

/* A pair of linked interfaces (veth(4)): 'name' here, 'peer' in the network namespace of
 * process 'pid'. Hardware addresses are six bytes. */
struct net_veth {
	const char *name, *peer;
	const uint8_t *mac, *peer_mac;
	pid_t pid;
};
int net_veth_add(int rtnl, const struct net_veth *v, struct err *e);

/* Bring an interface up. Returns its index. */
int net_link_up(int rtnl, const char *name, struct err *e);

/* Is it up, and its peer too? Then what is sent over it arrives. */
bool net_link_running(int rtnl, const char *name);

/* An address in text form with its prefix: "192.0.2.1/24"; no detection of duplicates. */
int net_address_add(int rtnl, int index, const char *address, struct err *e);

struct net_route {
	const char *to;  /* "192.0.2.0/24", "0.0.0.0/0", "::/0" */
	const char *via; /* gateway; NULL: on the link */
	int index;       /* of the interface */
	uint8_t type;    /* RTN_UNICAST, RTN_LOCAL */
	uint8_t table;   /* 0: the main one */
};
int net_route_add(int rtnl, const struct net_route *route, struct err *e);

/* What comes in from the interface 'from', be it there yet or not, is routed by 'table'. */
int net_rule_add(int rtnl, int family, const char *from, uint8_t table, struct err *e);

/* A neighbour that needs no asking for: 'mac' is six bytes. */
int net_neighbour_add(
	int rtnl, int index, const char *address, const uint8_t mac[6], struct err *e);

#endif
