/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.h - the sandbox's name server: answers what the policy could allow, pins what it said.
 *
 * Over UDP it answers from the address that was asked, whichever that was (the sockets come
 * with IP_TRANSPARENT and IP_RECVORIGDSTADDR), over TCP on the connection (RFC 7766).
 *
 *	a name that no rule could allow		NXDOMAIN, at once, nothing asked upstream
 *	A, AAAA of a name that one could	the addresses that the policy would let it
 *						connect to; none left: NODATA
 *	any other type				NODATA (HTTPS and SVCB among them: they
 *						would bring keys of ECH)
 *	host.brig.internal, gate.brig.internal	fixed addresses (linux/gatens-const.h)
 *
 * Answers are built anew: the name that was asked for, and addresses; TTLs clamped. Every
 * address is pinned before it is told. Where the host reaches the world through a proxy,
 * nothing is asked upstream: a name gets an address that is made up (198.18.0.0/15).
 */
#ifndef BRIG_GATE_DNS_H
#define BRIG_GATE_DNS_H

#include <stdbool.h>

struct address;
struct err;
struct gate;
struct dns;

/* Bounds of what a sandbox can make the gate keep. */
#define DNS_WAITING_MAX 512U /* questions; the oldest is given up */
#define DNS_CONNS_MAX   64U  /* over TCP */

/* 'udp' are descriptors (-1: none) of IPv4 and IPv6; they stay the caller's. */
int dns_start(struct gate *g, const int udp[2], struct dns **ret, struct err *e);
void dns_stop(struct dns *d);

/* Serve a connection to port 53; takes 'fd' over, also when it fails. */
int dns_serve_tcp(struct dns *d, int fd, struct err *e);

/* Is it of the range that addresses are made up from? There is none of IPv6. */
bool dns_is_made_up(const struct address *a);

#endif
