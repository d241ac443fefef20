/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/exchange.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

/* What decodes must encode again, to the same bytes: there is one form for each head. */
static void same(const struct buf *b, const uint8_t *data, size_t len, int r)
{
	if (r < 0 || b->len != len || (len && memcmp(b->data, data, len) != 0))
		abort();
}

static void try_request(const uint8_t *data, size_t len)
{
	struct exchange_request q = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	if (exchange_request_decode(data, len, &q, &e) < 0)
		return;
	same(&b, data, len, exchange_request_encode(&q, &b));
	exchange_request_clear(&q);
}

static void try_response(const uint8_t *data, size_t len)
{
	struct exchange_response p = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	if (exchange_response_decode(data, len, &p, &e) < 0)
		return;
	same(&b, data, len, exchange_response_encode(&p, &b));
	exchange_response_clear(&p);
}

static void try_rest(const uint8_t *data, size_t len)
{
	struct exchange_headers h = { 0 };
	struct exchange_failure f = { 0 };
	struct err e = { 0 };

	if (exchange_headers_decode(data, len, &h, &e) == 0)
		exchange_headers_clear(&h);
	if (exchange_failure_decode(data, len, &f, &e) == 0)
		exchange_failure_clear(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > EXCHANGE_HEAD_MAX)
		return 0;
	try_request(data, len);
	try_response(data, len);
	try_rest(data, len);
	return 0;
}
