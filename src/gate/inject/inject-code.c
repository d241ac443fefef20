/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-code.h"

#include <stdbool.h>
#include <string.h>

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int inject_base64_decode(const char *text, size_t len, struct buf *out)
{
	uint32_t bits = 0;
	char *to;
	int r;

	for (int pad = 0; pad < 2 && len && text[len - 1] == '='; pad++)
		len--;
	r = len % 4 == 1 ? -EINVAL : buf_reserve(out, len / 4 * 3 + 3);
	if (r < 0)
		return r;
	to = out->data + out->len;
	for (size_t i = 0; i < len; i++) {
		int d = base64_digit(text[i]);

		if (d < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)d;
		if (i % 4)
			*to++ = (char)(bits >> (6 - i % 4 * 2));
	}
	out->len = (size_t)(to - out->data);
	*to = '\0';
	return 0;
}

int inject_base64_encode(const void *data, size_t len, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = data;
	int r = buf_reserve(out, (len + 2) / 3 * 4);

	for (size_t i = 0; r == 0 && i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 |
			(n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
		const char four[4] = { digits[v >> 18], digits[v >> 12 & 63],
			n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '=' };

		r = buf_add(out, four, sizeof(four));
	}
	return r;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int inject_percent_decode(
	const char *text, size_t len, struct buf *out, uint32_t **ret_offset)
{
	uint32_t *offset = calloc(len + 1, sizeof(*offset));
	size_t n = 0;
	int r = offset ? buf_reserve(out, len) : -ENOMEM;

	if (r < 0) {
		free(offset);
		return r;
	}
	for (size_t i = 0; i < len; n++) {
		int hi = text[i] == '%' && len - i > 2 ? hex_digit(text[i + 1]) : -1;
		int lo = hi >= 0 ? hex_digit(text[i + 2]) : -1;

		offset[n] = (uint32_t)i;
		out->data[out->len++] = lo >= 0 ? (char)(hi << 4 | lo) : text[i];
		i += lo >= 0 ? 3 : 1;
	}
	offset[n] = (uint32_t)len;
	out->data[out->len] = '\0';
	*ret_offset = offset;
	return 0;
}

static bool is_unreserved(char c)
{
	return base64_digit(c) >= 0 ? c != '+' && c != '/' : c && strchr("-._~", c);
}

int inject_percent_encode(const char *text, struct buf *out)
{
	int r = buf_reserve(out, 0);

	for (; r == 0 && *text; text++)
		r = is_unreserved(*text)
			? buf_add(out, text, 1)
			: buf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
	return r;
}
