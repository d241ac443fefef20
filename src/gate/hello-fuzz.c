/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/hello.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(enum hello_result r, const struct hello *h)
{
	char name[NAME_MAX_LEN + 1];

	if (r != HELLO_DONE && (h->name[0] || h->ech || h->alpn))
		abort();
	if (h->name[0] &&
		(name_normalise(h->name, strlen(h->name), name) < 0 ||
			strcmp(name, h->name)))
		abort();
}

/* What was said of a part holds for the whole: more bytes don't change a verdict. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hello part, whole;
	enum hello_result p, w = hello_parse(data, len, &whole);

	check(w, &whole);
	for (size_t n = len / 2; n < len; n += 1 + (len - n) / 2) {
		p = hello_parse(data, n, &part);
		check(p, &part);
		if (p != HELLO_MORE &&
			(p != w || memcmp(&part, &whole, sizeof(part)) != 0))
			abort();
	}
	return 0;
}
