/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-head.h"

#include "base/err.h"
#include "gate/exchange-check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Whatever a server says, what is passed on is canonical. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct inject_head h = { 0 };
	struct err e = { 0 };
	int r = 0;

	while (r == 0 && len) {
		const uint8_t *nl = memchr(data, '\n', len);
		size_t n = nl ? (size_t)(nl - data) + 1 : len;

		r = inject_head_line(&h, (const char *)data, n, &e);
		data += n;
		len -= n;
		if (r < 0 || h.state != INJECT_HEAD_WHOLE)
			continue;
		if (exchange_check_headers(&h.response.headers))
			abort();
		if (h.response.status != 101 && exchange_check_response(&h.response))
			abort();
		inject_head_next(&h);
	}
	if (r == 0 && h.state == INJECT_HEAD_TRAILERS &&
		exchange_check_headers(&h.response.headers))
		abort();
	inject_head_clear(&h);
	return 0;
}
