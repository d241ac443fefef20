/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns-msg.h - DNS messages: the sandbox's queries, the answers to them, and the same two
 * towards the host's servers (RFC 1035, RFC 6891, RFC 8914).
 *
 * Nothing here allocates or keeps state. Every byte that is parsed is a stranger's.
 */
#ifndef BRIG_GATE_DNS_MSG_H
#define BRIG_GATE_DNS_MSG_H

#include "gate/policy/address.h"
#include "gate/policy/name.h"

#define DNS_PORT           53
#define DNS_HEADER         12U
#define DNS_NAME_MAX       255U               /* on the wire (RFC 1035 section 2.3.4) */
#define DNS_QUESTION_MAX   (DNS_NAME_MAX + 4) /* name, type, class */
#define DNS_UDP_MIN        512U               /* what every client takes */
#define DNS_UDP_MAX        1232U              /* what no path fragments (RFC 9715) */
#define DNS_QUERY_MAX      4096U              /* longer ones are nobody's */
#define DNS_MESSAGE_MAX    65535U
#define DNS_ADDRESSES_MAX  16U
#define DNS_CHAIN_MAX      16U  /* aliases followed within one response */
#define DNS_RECORDS_MAX    256U /* looked at in one response */
#define DNS_TTL_MAX        3600U
#define DNS_OWN_ANSWER_MAX 1232U /* longer than any that dns_answer_build() makes */

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28, DNS_OPT = 41 };
#define DNS_CLASS_IN 1

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* RFC 6891 section 9 */
};

#define DNS_EDE_NONE    0xffff
#define DNS_EDE_BLOCKED 15 /* RFC 8914 section 4.16 */

struct dns_query {
	uint16_t id, type, class;
	uint8_t rcode; /* not DNS_NOERROR: all that it deserves */
	bool recurse, no_check;
	bool edns;
	uint16_t udp_size;           /* what the client takes; at least DNS_UDP_MIN */
	char name[NAME_MAX_LEN + 1]; /* normalised; "": no host name */
	uint8_t question[DNS_QUESTION_MAX]; /* as it came */
	size_t question_len;                /* 0: none that could be read */
};

struct dns_answer {
	uint8_t rcode;
	const struct address *addrs; /* of the type that was asked for */
	size_t n;                    /* at most DNS_ADDRESSES_MAX */
	uint32_t ttl;
	uint16_t ede;         /* DNS_EDE_NONE; told to those that speak EDNS */
	const char *ede_text; /* cut after 128 bytes */
};

/*
 * Parse what a client sent. 0: look at ret->rcode first. -EBADMSG: no query at all,
 * nothing is to be answered.
 *
 * Should:   take what stub resolvers send: one question, perhaps an OPT record.
 * Mustn't:  answer a response, or two programs could keep each other busy for ever.
 */
int dns_query_parse(const void *data, size_t len, struct dns_query *ret);

/*
 * Build the answer to 'q' in 'out', at most 'max' bytes (DNS_UDP_MIN at least). Addresses
 * that don't fit are left out, all of them, and the answer says that it is truncated.
 * Returns the length.
 */
size_t dns_answer_build(
	const struct dns_query *q, const struct dns_answer *a, uint8_t *out, size_t max);

/* What was asked of a server: to recognise the answer. */
struct dns_asked {
	uint16_t id, type;
	uint8_t name[DNS_NAME_MAX]; /* on the wire, in mixed case */
	size_t name_len;
};

/*
 * Prepare a question for 'name' (normalised): the random bytes choose id and case
 * (RFC 5452; draft-vixie-dnsext-dns0x20). 0 or -EINVAL.
 */
#define DNS_ASK_RANDOM 34U
int dns_asked_init(struct dns_asked *a, const char *name, uint16_t type,
	const uint8_t random[DNS_ASK_RANDOM]);

/* The query for it. Returns the length. */
#define DNS_OWN_QUERY_MAX (DNS_HEADER + DNS_QUESTION_MAX)
size_t dns_asked_build(const struct dns_asked *a, uint8_t out[DNS_OWN_QUERY_MAX]);

struct dns_response {
	uint8_t rcode;
	bool truncated;
	bool same_case; /* the question came back letter by letter */
	struct address addrs[DNS_ADDRESSES_MAX];
	size_t n;
	uint32_t ttl; /* the shortest on the way to them; at most DNS_TTL_MAX */
};

/*
 * Parse what a server sent. -EBADMSG: no answer to this question (keep waiting for it);
 * -EPROTO: an answer, but a broken one.
 *
 * Should:   follow aliases within the answer section, in whatever order they stand.
 * Mustn't:  take an address of any name that the question doesn't lead to, nor look at
 *           the sections that a server could fill with anything.
 */
int dns_response_parse(const void *data, size_t len, const struct dns_asked *asked,
	struct dns_response *ret);

#endif
