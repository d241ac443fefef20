/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/http1-body.h"

#include "base/err.h"
#include "base/str.h"
#include "gate/exchange-check.h"
#include "gate/front/http1.h"

/*
 * SIZE → (EXTENSION →) SIZE_LF → DATA → DATA_CR → DATA_LF → SIZE
 *                              → TRAILER (size 0) → DONE
 */
enum {
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,
	DONE,
};

static int bad(struct err *e, const char *why)
{
	return err_set(e, EBADMSG, "chunked body: %s", why);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int size_byte(struct http1_body *b, char c, struct err *e)
{
	int v = hex(c);

	if (v >= 0) {
		if (++b->digits > HTTP1_CHUNK_DIGITS)
			return bad(e, "a size is too large");
		b->left = b->left << 4 | (uint64_t)v;
		return 0;
	}
	if (!b->digits)
		return bad(e, "a size is missing");
	if (c != '\r' && c != ';')
		return bad(e, "a size is followed by something else");
	b->state = c == '\r' ? SIZE_LF : EXTENSION;
	return 0;
}

static int extension_byte(struct http1_body *b, char c, struct err *e)
{
	if (c == '\r')
		b->state = SIZE_LF;
	else if (((unsigned char)c < 0x20 && c != '\t') || c == 0x7f)
		return bad(e, "an extension holds control bytes");
	return 0;
}

static int line_byte(struct http1_body *b, char c, struct err *e)
{
	switch (b->state) {
	case SIZE: return size_byte(b, c, e);
	case EXTENSION: return extension_byte(b, c, e);
	case SIZE_LF:
		if (c != '\n')
			return bad(e, "a line ends without LF");
		b->state = b->left ? DATA : TRAILER;
		b->line = b->digits = 0;
		return 0;
	case DATA_CR:
		if (c != '\r')
			return bad(e, "a chunk is longer than it said");
		b->state = DATA_LF;
		return 0;
	default:
		if (c != '\n')
			return bad(e, "a chunk is longer than it said");
		b->state = SIZE;
		return 0;
	}
}

bool http1_trailer_is_sane(const char *name)
{
	static const char *const never[] = { "authorization", "cache-control", "cookie",
		"content-encoding", "content-range", "content-type", "expect",
		"max-forwards", "pragma", "range", "set-cookie", "trailer",
		"www-authenticate" };

	if (exchange_is_hop(name) || str_starts(name, "if-"))
		return false;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strcmp(name, never[i]) == 0)
			return false;
	return true;
}

static int take_trailer(struct http1_body *b, struct err *e)
{
	struct http1_field f;
	int r;

	r = http1_field_parse(b->trailer.data, b->trailer.len - 2, &f, e);
	if (r < 0)
		return r;
	if (b->trailers.n == HTTP1_TRAILERS_N)
		return bad(e, "there are too many trailers");
	r = http1_trailer_is_sane(f.name)
		? exchange_header_add(&b->trailers, f.name, f.value)
		: 0;
	b->trailer.len = 0;
	return r < 0 ? err_set(e, -r, "chunked body: %s", err_text(-r)) : 0;
}

/* A line of the trailer; the empty one is the end. */
static int trailer_byte(struct http1_body *b, char c, struct err *e)
{
	bool cr = b->trailer.len && b->trailer.data[b->trailer.len - 1] == '\r';

	if (++b->line > HTTP1_TRAILERS_MAX)
		return err_set(e, EMSGSIZE, "chunked body: the trailers are too long");
	if (cr != (c == '\n'))
		return bad(e, "a trailer holds a CR or LF that stands alone");
	if (buf_add(&b->trailer, &c, 1) < 0)
		return err_set(e, ENOMEM, "chunked body: out of memory");
	if (c != '\n')
		return 0;
	if (b->trailer.len > 2)
		return take_trailer(b, e);
	b->state = DONE;
	buf_clear(&b->trailer);
	return 0;
}

static int byte(struct http1_body *b, char c, struct err *e)
{
	if (b->state == TRAILER)
		return trailer_byte(b, c, e);
	if (++b->line > HTTP1_CHUNK_LINE)
		return err_set(e, EMSGSIZE, "chunked body: a line is too long");
	return line_byte(b, c, e);
}

int http1_body_next(struct http1_body *b, const char *data, size_t len,
	struct http1_piece *ret, struct err *e)
{
	size_t at = 0;

	*ret = (struct http1_piece){ 0 };
	while (at < len && b->state != DATA && b->state != DONE) {
		int r = byte(b, data[at++], e);

		if (r < 0)
			return r;
	}
	if (b->state == DATA && at < len) {
		ret->data = data + at;
		ret->len = len - at < b->left ? len - at : (size_t)b->left;
		b->left -= ret->len;
		at += ret->len;
		if (!b->left)
			b->state = DATA_CR;
		b->line = 0;
	}
	ret->used = at;
	if (ret->len)
		return HTTP1_BODY_DATA;
	return b->state == DONE ? HTTP1_BODY_END : HTTP1_BODY_MORE;
}

void http1_body_clear(struct http1_body *b)
{
	buf_clear(&b->trailer);
	exchange_headers_clear(&b->trailers);
	*b = (struct http1_body){ 0 };
}
