/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns-stub.h - a name server for tests, on the loopback, over UDP and TCP; what it answers
 * depends on the name's first label.
 *
 *	ok         203.0.114.1, 2606:4700::1 (public), TTL 100    brief   the same, TTL 1
 *	private    10.0.0.1, fd00::1       mixed    203.0.114.1 and 192.168.1.1
 *	none       no addresses            missing  no such name
 *	fail       SERVFAIL                silent   nothing, ever
 *	long       truncated, over UDP     longest  truncated always
 *	forged     first with another id, then from another name, then right
 *	folds      the question in lower case     broken   a record that is cut
 */
#ifndef BRIG_GATE_DNS_STUB_H
#define BRIG_GATE_DNS_STUB_H

#include <stddef.h>
#include <stdint.h>

struct loop;

struct dns_stub {
	struct loop *loop;
	int udp, tcp;
	uint16_t port;
	unsigned asked_udp, asked_tcp;
};

void dns_stub_start(struct dns_stub *s, struct loop *l);

#endif
