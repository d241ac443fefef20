/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-msg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Whatever comes in, the answer fits, and says the same question. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct address addrs[DNS_ADDRESSES_MAX] = { 0 };
	struct dns_answer a = { .addrs = addrs,
		.n = len % (DNS_ADDRESSES_MAX + 1),
		.ttl = 60,
		.ede_text = "why" };
	uint8_t out[DNS_OWN_ANSWER_MAX], sized[DNS_UDP_MIN];
	char name[NAME_MAX_LEN + 1];
	struct dns_query q;
	size_t n;

	if (dns_query_parse(data, len, &q) < 0)
		return 0;
	if (q.name[0] &&
		(name_normalise(q.name, strlen(q.name), name) < 0 ||
			strcmp(name, q.name)))
		abort();
	a.rcode = q.rcode;
	a.ede = len % 2 ? DNS_EDE_BLOCKED : DNS_EDE_NONE;
	n = dns_answer_build(&q, &a, out, sizeof(out));
	if (n < DNS_HEADER + q.question_len || n > sizeof(out) || memcmp(out, data, 2) ||
		memcmp(out + DNS_HEADER, q.question, q.question_len))
		abort();
	n = dns_answer_build(&q, &a, sized, sizeof(sized));
	if (n < DNS_HEADER + q.question_len || n > sizeof(sized))
		abort();
	return 0;
}
