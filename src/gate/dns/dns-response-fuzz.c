/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-msg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void answer_to(uint16_t type, const uint8_t *data, size_t len)
{
	static const uint8_t random[DNS_ASK_RANDOM] = { 0x12, 0x34 };
	struct dns_response r;
	struct dns_asked a;
	int err;

	if (dns_asked_init(&a, "www.example.com", type, random) < 0)
		abort();
	err = dns_response_parse(data, len, &a, &r);
	if (r.n > DNS_ADDRESSES_MAX || r.ttl > DNS_TTL_MAX || (err < 0 && r.n) ||
		(r.n && (r.rcode || r.truncated)))
		abort();
	for (size_t i = 0; i < r.n; i++)
		if (address_is_v4(&r.addrs[i]) != (type == DNS_A))
			abort();
}

/* Held against two questions, so that it is an answer to one of them easily. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	answer_to(DNS_A, data, len);
	answer_to(DNS_AAAA, data, len);
	return 0;
}
