/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-code.h - the two encodings that secrets travel in: base64 and percent-escapes.
 *
 * Each appends to 'out' and returns 0 or a negative errno.
 */
#ifndef BRIG_GATE_INJECT_CODE_H
#define BRIG_GATE_INJECT_CODE_H

#include "base/buf.h"

/* RFC 4648 section 4; padding may be missing. -EINVAL for anything else. */
int inject_base64_decode(const char *text, size_t len, struct buf *out);
int inject_base64_encode(const void *data, size_t len, struct buf *out);

/*
 * Escapes decoded (RFC 3986 section 2.1), broken ones left as they are. 'ret_offset' is
 * where each decoded byte began, one more entry for the end; the caller frees it.
 */
int inject_percent_decode(
	const char *text, size_t len, struct buf *out, uint32_t **ret_offset);

/* All but unreserved characters as escapes (RFC 3986 section 2.3). */
int inject_percent_encode(const char *text, struct buf *out);

#endif
