/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns-parts.h - what the files of the sandbox's name server share, and nobody else.
 *
 *	dns.c           queries, what becomes of them, and the ones that wait
 *	dns-udp.c       datagrams
 *	dns-tcp.c       connections
 *	dns-addrs.c     which addresses may be told, and ones that are made up
 */
#ifndef BRIG_GATE_DNS_PARTS_H
#define BRIG_GATE_DNS_PARTS_H

#include "gate/dns/dns-msg.h"
#include "gate/dns/dns.h"
#include "gate/gate.h"

struct dns_conn;
struct loop_source;

/* Where a query came from, and its answer goes. */
struct dns_path {
	struct dns_conn *conn; /* NULL: a datagram */
	int fd;
	struct sockaddr_storage from, to; /* 'to' of family 0: unknown */
};

/* A query that waits for the resolver. */
struct dns_ask {
	struct dns_ask *next, *prev;
	struct dns *dns;
	struct dns_query q;
	struct dns_path via;
	struct resolver_query *asked;
};

struct dns {
	struct gate *gate;
	struct loop_source *udp[2];
	struct dns_ask *first, *last; /* the oldest first */
	size_t asks_n;
	struct dns_conn *conns;
	size_t conns_n;
};

/* A message from the sandbox. May answer at once. */
void dns_take(struct dns *d, const void *msg, size_t len, const struct dns_path *via);

/* Give up what waits for this connection. */
void dns_forget(struct dns *d, const struct dns_conn *conn);

int dns_udp_start(struct dns *d, size_t i, int fd, struct err *e);
void dns_udp_send(const struct dns_path *via, const void *msg, size_t len);

/* Queue an answer; may free the connection. How many of its queries wait is counted. */
void dns_tcp_send(struct dns_conn *c, const void *msg, size_t len);
void dns_tcp_count(struct dns_conn *c, int change);
void dns_tcp_stop(struct dns *d);

/*
 * Leave in 'addrs' the ones that a name may lead to. Returns how many.
 *
 * Mustn't:  let a public name lead into private networks (DNS rebinding) unless a rule
 *           names the address.
 */
size_t dns_addrs_filter(const struct policy *p, struct address *addrs, size_t n);

/* An address out of 198.18.0.0/15 that stands for 'name' alone, the same as before where it
 * can be. 0 or -ENOSPC. */
int dns_addrs_make(
	const struct pins *p, const char *name, uint64_t now, struct address *ret);

#endif
