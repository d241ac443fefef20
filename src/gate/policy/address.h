/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - an IP address of either version, and what kind of place it is.
 *
 * IPv4 is kept as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2), so there is one form to
 * compare, hash and match. An IPv6 address that carries an IPv4 one in another way (6to4,
 * Teredo, NAT64, IPv4-compatible) is of the more restricted kind of the two.
 */
#ifndef BRIG_GATE_ADDRESS_H
#define BRIG_GATE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_MAX 64

struct address {
	uint8_t b[16];
};

struct address_range {
	struct address base; /* bits beyond 'bits' are zero */
	uint8_t bits;        /* 0-128; IPv4 /n is 96 + n */
};

/* By the IANA registries of special-purpose addresses (RFC 6890). */
enum address_kind {
	ADDRESS_PUBLIC,
	ADDRESS_PRIVATE, /* RFC 1918, RFC 4193, RFC 6598 */
	ADDRESS_LOOPBACK,
	ADDRESS_LINK_LOCAL, /* 169.254/16, fe80::/10: cloud metadata among them */
	ADDRESS_METADATA,   /* the metadata services that are not link-local */
	ADDRESS_SPECIAL, /* multicast, broadcast, documentation, unspecified, reserved */
	ADDRESS_OWN,     /* public by itself, but this host's: policy_own_address() */
};

enum address_kind address_kind(const struct address *a);
const char *address_kind_name(enum address_kind k); /* "a private address" */

/* The IPv4 addresses that an IPv6 one carries (6to4, Teredo, NAT64, compatible). How many. */
#define ADDRESS_CARRIED_MAX 2
size_t address_carried(const struct address *a, struct address ret[ADDRESS_CARRIED_MAX]);

/* Strict dotted or colon form (inet_pton(3)); brackets around IPv6 are taken. 0 or -EINVAL. */
int address_parse(const char *text, struct address *ret);
bool address_is_v4(const struct address *a);
bool address_equal(const struct address *a, const struct address *b);
const char *address_text(const struct address *a, char out[ADDRESS_TEXT_MAX]);
uint32_t address_hash(const struct address *a);

/* "10.0.0.0/8", "::1". Bits beyond the length must be zero: what was meant is unclear. */
int address_range_parse(const char *text, struct address_range *ret);

/* Never an IPv4 address in a range of IPv6 ("::/0"). */
bool address_in(const struct address *a, const struct address_range *r);

/* Clear all bits but the first 'bits'. */
void address_mask(struct address *a, unsigned bits);

/* From and to the socket interface; AF_INET or AF_INET6 by the address. */
int address_from_sockaddr(
	const struct sockaddr *sa, struct address *ret, uint16_t *ret_port);
socklen_t address_to_sockaddr(
	const struct address *a, uint16_t port, struct sockaddr_storage *ret);

#endif
