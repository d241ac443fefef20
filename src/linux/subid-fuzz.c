/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/subid.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct subid_query q = {
		.name = "ann", .uid = 1001, .avoid = 1001, .want = 65536
	};
	char *text = malloc(len + 1);
	struct subid_range r;

	if (!text)
		return 0;
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	if (subid_find(text, &q, &r) &&
		(r.first == 0 || r.count == 0 || r.first + (r.count - 1) < r.first))
		abort();
	(void)subid_mapped(text, (struct subid_range){ 100000, 65536 });
	free(text);
	return 0;
}
