/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatens.h - the gate's network namespace: the only place a sandbox's network leads to.
 *
 * No process lives in it. It is kept by its listening sockets, which the keeper holds and
 * hands to the gate: when both are gone, so is the namespace, and the sandbox's link with
 * it. Whatever TCP port and address the sandbox connects to, the connection arrives at a
 * listener (nftables' tproxy, Documentation/networking/tproxy.rst), which learns from
 * getsockname(2) where it was meant to go. UDP arrives only at port 53, ICMP nowhere, and
 * nothing is forwarded: the namespace has no other link.
 */
#ifndef BRIG_LINUX_GATENS_H
#define BRIG_LINUX_GATENS_H

#include "linux/gatens-const.h"

#include <stddef.h>
#include <sys/types.h>

struct err;

/* In the order in which the gate finds them. -1 for IPv6 on a host without. */
enum gatens_fd {
	GATENS_TCP4,
	GATENS_TCP6, /* transparent listeners */
	GATENS_PROXY4,
	GATENS_PROXY6, /* of the proxy port */
	GATENS_UDP4,
	GATENS_UDP6, /* port 53, whichever address was asked */
	GATENS_FDS
};

/*
 * Make the current network namespace, which is new, a gate's: rules, routes, listeners.
 * Needs CAP_NET_ADMIN over it. On failure nothing stays open.
 */
int gatens_make(int fds[GATENS_FDS], struct err *e);

/* Link it with the network namespace of process 'pid', which gets "eth0". */
int gatens_link(pid_t pid, struct err *e);

/* In the sandbox's namespace: bring "lo" and "eth0" up, with addresses and routes. */
int gatens_guest_up(struct err *e);

/*
 * The same for a sandbox with a kernel of its own, which has the addresses: bring "eth0" up
 * without any. Returns a packet socket (packet(7)) that is the whole of the sandbox's network:
 * frames with a header of virtio (struct virtio_net_hdr, PACKET_VNET_HDR), since the link
 * leaves checksums and segments to whoever receives.
 */
int gatens_guest_socket(struct err *e);

/* The hardware address that the gate expects of it. */
#define GATENS_GUEST_MAC "02:62:72:69:67:02"

/* Hand the listeners on over a unix socket, and take them. 0 or -errno. */
int gatens_send(int sock, const int fds[GATENS_FDS]);
int gatens_receive(int sock, int ret[GATENS_FDS]);

/* What a resolver's configuration is inside (resolv.conf(5)). */
#define GATENS_RESOLV_CONF "nameserver " GATENS_GATE4 "\noptions edns0\n"

extern const unsigned char gatens_rules[]; /* made by nft-gen.c */
extern const size_t gatens_rules_len;
extern const unsigned gatens_rules_acks;

#endif
