/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nlmsg.h - requests to the kernel's network configuration, and its answers (netlink(7)).
 *
 * A request is built in a bounded buffer; what doesn't fit makes nlmsg_ask() fail with
 * -EMSGSIZE, so the adding functions need no checks of their own.
 */
#ifndef BRIG_LINUX_NLMSG_H
#define BRIG_LINUX_NLMSG_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct nlmsg_request {
	union {
		struct nlmsghdr head;
		unsigned char room[1024];
	};
	bool full;
};

/* A socket of NETLINK_ROUTE, NETLINK_NETFILTER, ... in the current network namespace. */
int nlmsg_open(int protocol, struct err *e);

/* Begin a request of 'type' with NLM_F_* 'flags' and its fixed part. */
void nlmsg_begin(struct nlmsg_request *rq, uint16_t type, uint16_t flags,
	const void *fixed, size_t len);

/* Add an attribute, or one that holds those added until nlmsg_nest_end(). */
void nlmsg_add(struct nlmsg_request *rq, uint16_t type, const void *data, size_t len);
/* The same without a header of its own: the fixed part of something nested. */
void nlmsg_add_raw(struct nlmsg_request *rq, const void *data, size_t len);
void nlmsg_add_u32(struct nlmsg_request *rq, uint16_t type, uint32_t value);
void nlmsg_add_str(struct nlmsg_request *rq, uint16_t type, const char *text);
struct nlattr *nlmsg_nest(struct nlmsg_request *rq, uint16_t type);
void nlmsg_nest_end(struct nlmsg_request *rq, struct nlattr *nest);

/* Send it and wait for what the kernel says: 0 or -errno. */
int nlmsg_ask(int fd, struct nlmsg_request *rq);

/* Send messages made elsewhere; 'acks' of them ask for an answer. The first failure. */
int nlmsg_send_batch(int fd, const void *data, size_t len, unsigned acks);

#endif
