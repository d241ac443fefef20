/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96U /* of the prefix ::ffff:0:0/96 */

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct special {
	const uint8_t base[16];
	uint8_t bits;
	uint8_t kind; /* enum address_kind */
};

#define V4(a_, b_, c_, d_, bits_, kind_)                                        \
	{                                                                       \
		.base = { [12] = (a_), [13] = (b_), [14] = (c_), [15] = (d_) }, \
		.bits = (bits_), .kind = (kind_)                                \
	}
#define V6(kind_, bits_, ...)                                             \
	{                                                                 \
		.base = { __VA_ARGS__ }, .bits = (bits_), .kind = (kind_) \
	}

/*
 * IANA IPv4 Special-Purpose Address Registry, and the metadata services of clouds that lie
 * elsewhere: Azure's wire server, Alibaba's, Oracle's, Equinix's. The first hit counts.
 */
static const struct special v4_table[] = {
	V4(168, 63, 129, 16, 32, ADDRESS_METADATA),
	V4(100, 100, 100, 200, 32, ADDRESS_METADATA),
	V4(192, 0, 0, 192, 32, ADDRESS_METADATA),
	V4(192, 80, 8, 124, 32, ADDRESS_METADATA), V4(0, 0, 0, 0, 8, ADDRESS_SPECIAL),
	V4(10, 0, 0, 0, 8, ADDRESS_PRIVATE), V4(100, 64, 0, 0, 10, ADDRESS_PRIVATE),
	V4(127, 0, 0, 0, 8, ADDRESS_LOOPBACK), V4(169, 254, 0, 0, 16, ADDRESS_LINK_LOCAL),
	V4(172, 16, 0, 0, 12, ADDRESS_PRIVATE), V4(192, 0, 0, 0, 24, ADDRESS_SPECIAL),
	V4(192, 0, 2, 0, 24, ADDRESS_SPECIAL), V4(192, 88, 99, 0, 24, ADDRESS_SPECIAL),
	V4(192, 168, 0, 0, 16, ADDRESS_PRIVATE), V4(198, 18, 0, 0, 15, ADDRESS_SPECIAL),
	V4(198, 51, 100, 0, 24, ADDRESS_SPECIAL), V4(203, 0, 113, 0, 24, ADDRESS_SPECIAL),
	V4(224, 0, 0, 0, 3, ADDRESS_SPECIAL), /* multicast, reserved, broadcast */
};

/*
 * IANA IPv6 Special-Purpose Address Registry; AWS's, Google's and Scaleway's metadata
 * services. What is outside of 2000::/3 and not named is reserved (RFC 4291 section 4).
 */
static const struct special v6_table[] = {
	V6(ADDRESS_METADATA, 128, 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54),
	V6(ADDRESS_METADATA, 128, 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54),
	V6(ADDRESS_METADATA, 128, 0xfd, 0x00, 0x00, 0x42, [15] = 0x42),
	V6(ADDRESS_LOOPBACK, 128, [15] = 0x01),
	V6(ADDRESS_PUBLIC, 96, 0x00, 0x64, 0xff, 0x9b), /* NAT64: as what it carries */
	V6(ADDRESS_PRIVATE, 48, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01), /* RFC 8215 */
	V6(ADDRESS_SPECIAL, 23, 0x20, 0x01), /* protocol assignments, Teredo */
	V6(ADDRESS_SPECIAL, 32, 0x20, 0x01, 0x0d, 0xb8),
	V6(ADDRESS_SPECIAL, 20, 0x3f, 0xff),
	V6(ADDRESS_PUBLIC, 3, 0x20),
	V6(ADDRESS_PRIVATE, 7, 0xfc),
	V6(ADDRESS_LINK_LOCAL, 10, 0xfe, 0x80),
	V6(ADDRESS_PRIVATE, 10, 0xfe, 0xc0), /* site-local, RFC 3879 */
	V6(ADDRESS_SPECIAL, 0, 0),
};

static bool in_bits(const uint8_t *a, const uint8_t *base, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (memcmp(a, base, bytes) != 0)
		return false;
	return !rest || ((a[bytes] ^ base[bytes]) & (0xff00U >> rest)) == 0;
}

static enum address_kind v4_kind(const uint8_t v4[4])
{
	for (size_t i = 0; i < sizeof(v4_table) / sizeof(*v4_table); i++)
		if (in_bits(v4, v4_table[i].base + 12, v4_table[i].bits))
			return (enum address_kind)v4_table[i].kind;
	return ADDRESS_PUBLIC;
}

size_t address_carried(const struct address *a, struct address ret[ADDRESS_CARRIED_MAX])
{
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	static const uint8_t compatible[12] = { 0 };
	uint8_t v4[ADDRESS_CARRIED_MAX][4];
	size_t n = 0;

	if (memcmp(a->b, nat64, 12) == 0 || memcmp(a->b, compatible, 12) == 0) {
		memcpy(v4[n++], a->b + 12, 4);
	} else if (a->b[0] == 0x20 && a->b[1] == 0x02) {
		memcpy(v4[n++], a->b + 2, 4); /* 6to4, RFC 3056 */
	} else if (memcmp(a->b, "\x20\x01\0\0", 4) == 0) {
		memcpy(v4[n++], a->b + 4, 4); /* Teredo, RFC 4380: the server */
		for (size_t i = 0; i < 4; i++)
			v4[n][i] = a->b[12 + i] ^ 0xff; /* and the client, disguised */
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(ret[i].b, v4_prefix, 12);
		memcpy(ret[i].b + 12, v4[i], 4);
	}
	return n;
}

/*
 * Should:  take an IPv6 address that carries an IPv4 one for the more restricted of both: a
 *          relay on the way may unpack it.
 * Mustn't: take anything for public that no registry says is.
 */
enum address_kind address_kind(const struct address *a)
{
	struct address carried[ADDRESS_CARRIED_MAX];
	const struct special *s = v6_table;
	enum address_kind kind;
	size_t n;

	if (address_is_v4(a))
		return v4_kind(a->b + 12);
	while (!in_bits(a->b, s->base, s->bits))
		s++;
	kind = (enum address_kind)s->kind;
	/* :: and ::1 are in the range of the IPv4-compatible ones and are not such */
	if (kind == ADDRESS_LOOPBACK)
		return kind;
	n = address_carried(a, carried);
	for (size_t i = 0; i < n; i++) {
		enum address_kind inner = v4_kind(carried[i].b + 12);

		kind = inner > kind ? inner : kind;
	}
	return kind;
}

const char *address_kind_name(enum address_kind k)
{
	static const char *const names[] = { "a public address", "a private address",
		"a loopback address", "a link-local address",
		"an address of a metadata service", "a reserved address",
		"an address of this host" };

	return names[k];
}

bool address_is_v4(const struct address *a)
{
	return memcmp(a->b, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

uint32_t address_hash(const struct address *a)
{
	uint64_t hi, lo, h;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	h = (hi ^ 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;
	h = (h ^ (h >> 32) ^ lo) * 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(h ^ (h >> 32));
}

int address_parse(const char *text, struct address *ret)
{
	char inner[INET6_ADDRSTRLEN + 2];
	struct address a;
	size_t n = strlen(text);

	if (*text == '[') {
		if (n < 4 || n - 2 >= sizeof(inner) || text[n - 1] != ']')
			return -EINVAL;
		memcpy(inner, text + 1, n - 2);
		inner[n - 2] = '\0';
		if (inet_pton(AF_INET6, inner, a.b) != 1)
			return -EINVAL;
	} else if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, a.b) != 1)
			return -EINVAL;
	} else {
		memcpy(a.b, v4_prefix, sizeof(v4_prefix));
		if (inet_pton(AF_INET, text, a.b + 12) != 1)
			return -EINVAL;
	}
	*ret = a;
	return 0;
}

const char *address_text(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	bool v4 = address_is_v4(a);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->b + 12 : a->b, out,
		    ADDRESS_TEXT_MAX))
		*out = '\0';
	return out;
}

/* A decimal number without sign, blanks or leading zeros, at most 'max'; -1 if it is none. */
static int small_number(const char *text, int max)
{
	size_t n = strlen(text);
	int v = 0;

	if (n == 0 || n > 3 || (n > 1 && *text == '0'))
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		v = v * 10 + (*text - '0');
	}
	return v <= max ? v : -1;
}

void address_mask(struct address *a, unsigned bits)
{
	for (unsigned i = bits / 8; i < sizeof(a->b); i++)
		a->b[i] &= (uint8_t)(i == bits / 8 ? 0xff00U >> (bits % 8) : 0);
}

int address_range_parse(const char *text, struct address_range *ret)
{
	const char *slash = strchr(text, '/');
	char host[ADDRESS_TEXT_MAX];
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct address_range r = { .bits = 128 };
	struct address masked;
	bool v4;

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (address_parse(host, &r.base) < 0)
		return -EINVAL;
	v4 = !strchr(host, ':');
	if (slash) {
		int bits = small_number(slash + 1, v4 ? 32 : 128);

		if (bits < 0)
			return -EINVAL;
		r.bits = (uint8_t)(v4 ? V4_BITS + (unsigned)bits : (unsigned)bits);
	}
	masked = r.base;
	address_mask(&masked, r.bits);
	if (!address_equal(&masked, &r.base))
		return -EINVAL;
	*ret = r;
	return 0;
}

bool address_in(const struct address *a, const struct address_range *r)
{
	/* "::/0" is every IPv6 address: IPv4 is in there by our way to keep it alone */
	if (r->bits < V4_BITS && address_is_v4(a))
		return false;
	return in_bits(a->b, r->base.b, r->bits);
}

int address_from_sockaddr(
	const struct sockaddr *sa, struct address *ret, uint16_t *ret_port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		memcpy(ret->b, v4_prefix, sizeof(v4_prefix));
		memcpy(ret->b + 12, &in.sin_addr, 4);
		*ret_port = ntohs(in.sin_port);
		return 0;
	}
	if (sa->sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(&in6, sa, sizeof(in6));
	memcpy(ret->b, &in6.sin6_addr, 16);
	*ret_port = ntohs(in6.sin6_port);
	return 0;
}

socklen_t address_to_sockaddr(
	const struct address *a, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(ret, 0, sizeof(*ret));
	if (address_is_v4(a)) {
		memcpy(&in.sin_addr, a->b + 12, 4);
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(&in6.sin6_addr, a->b, 16);
	memcpy(ret, &in6, sizeof(in6));
	return sizeof(in6);
}
