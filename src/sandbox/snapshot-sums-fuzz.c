/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any list of checksums, with its first 24 bytes made right: it is refused, or it is one that
 * comes out again byte by byte.
 */
#include "base/err.h"
#include "base/records.h"
#include "sandbox/snapshot-sums.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MAGIC 0x534d555347495242ULL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(buf_clear) struct buf b = { 0 };
	AUTO(buf_clear) struct buf again = { 0 };
	struct err e = { 0 };
	struct sums s;

	if (records_begin(&b, MAGIC, 1) < 0)
		abort();
	if (len < RECORDS_HEAD ||
		buf_add(&b, data + RECORDS_HEAD, len - RECORDS_HEAD) < 0)
		return 0;
	records_end(&b);
	if (sums_parse(b.data, b.len, &s, &e) < 0) {
		if (!e.msg[0] || s.piece)
			abort();
		return 0;
	}
	if (sums_format(&s, &again, &e) < 0 || again.len != b.len ||
		memcmp(again.data, b.data, b.len) != 0)
		abort();
	sums_clear(&s);
	return 0;
}
