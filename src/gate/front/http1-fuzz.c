/* SPDX-License-Identifier: Apache-2.0 */
/* A head and, if it says so, the chunked body behind it; and an authority. */
#include "gate/front/http1.h"

#include "gate/exchange-check.h"
#include "gate/front/http1-body.h"
#include "gate/front/request-authority.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void run_body(const char *data, size_t len)
{
	struct http1_body b = { 0 };
	struct http1_piece p;
	int r = HTTP1_BODY_DATA;

	while (len && (r == HTTP1_BODY_DATA || r == HTTP1_BODY_MORE)) {
		/* in uneven pieces */
		size_t n = len > 7 ? 7 + len % 5 : len;

		r = http1_body_next(&b, data, n > len ? len : n, &p, NULL);
		if (r < 0)
			break;
		check(p.used <= len && (p.used || r == HTTP1_BODY_END));
		data += p.used;
		len -= p.used;
	}
	if (r == HTTP1_BODY_END)
		check(!exchange_check_headers(&b.trailers));
	http1_body_clear(&b);
}

static void check_head(const struct http1_head *h)
{
	struct authority a;

	check(exchange_is_token(h->method, false));
	check(!exchange_check_headers(&h->headers));
	check(!(h->chunked && h->has_length));
	check(h->host || h->minor == 0);
	check((h->form == HTTP1_AUTHORITY) == !h->target);
	check(!h->target || h->target[0] == '/' || strcmp(h->target, "*") == 0);
	if (h->host)
		(void)authority_parse(h->host, &a);
	if (h->authority)
		(void)authority_parse(h->authority, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *copy = calloc(1, len ? len : 1);
	struct http1_head h;
	size_t seen = 0;
	ssize_t n;

	if (!copy)
		return 0;
	if (len)
		memcpy(copy, data, len);
	n = http1_head_end(copy, len, &seen);
	if (n > 0 && http1_head_parse(copy, (size_t)n, &h, NULL) == 0) {
		check_head(&h);
		if (h.chunked)
			run_body(copy + n, len - (size_t)n);
		http1_head_clear(&h);
	} else if (n <= 0 && len) {
		run_body((const char *)data, len);
	}
	free(copy);
	return 0;
}
