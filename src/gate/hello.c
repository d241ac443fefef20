/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/hello.h"

#include <stdint.h>
#include <string.h>

/*
 * Theory of operation. What the gate reads here, the server behind it will read again,
 * with other code. Whatever the two could read differently is therefore refused, also
 * where the standard is lenient: so the name that was judged is the name that is served.
 * Values that aren't known (GREASE among them, RFC 8701) mean nothing and are passed over.
 */
#define RECORD_HEADER    5U
#define RECORD_HANDSHAKE 22
#define RECORD_MAX       16384U /* RFC 8446 section 5.1 */
#define MESSAGE_HEADER   4U
#define CLIENT_HELLO     1
#define RANDOM_LEN       32U
#define SESSION_MAX      32U

#define EXT_SERVER_NAME 0
#define EXT_ALPN        16
#define EXT_ECH         0xfe0d /* RFC 9849 */

struct reader {
	const uint8_t *p;
	size_t len;
};

/* Take a vector with a length of 1 or 2 bytes in front. */
static bool take_vector(struct reader *r, size_t width, struct reader *ret)
{
	size_t n;

	if (r->len < width)
		return false;
	n = width == 1 ? r->p[0] : (size_t)r->p[0] << 8 | r->p[1];
	if (n > r->len - width)
		return false;
	*ret = (struct reader){ r->p + width, n };
	r->p += width + n;
	r->len -= width + n;
	return true;
}

static bool skip(struct reader *r, size_t n)
{
	if (r->len < n)
		return false;
	r->p += n;
	r->len -= n;
	return true;
}

/*
 * RFC 6066 section 3: a list in which only one entry of only one type is defined.
 *
 * Mustn't:  take a name with a final dot, which the standard forbids and servers differ
 *           about, or an address.
 */
static bool parse_server_name(struct reader ext, struct hello *h)
{
	struct reader list, name;

	if (!take_vector(&ext, 2, &list) || ext.len)
		return false;
	if (!list.len || list.p[0] != 0 || !skip(&list, 1) ||
		!take_vector(&list, 2, &name) || list.len)
		return false;
	if (!name.len || name.p[name.len - 1] == '.')
		return false;
	return name_normalise((const char *)name.p, name.len, h->name) == 0;
}

/* RFC 7301 section 3.1. */
static bool parse_alpn(struct reader ext, struct hello *h)
{
	struct reader list, proto;

	if (!take_vector(&ext, 2, &list) || ext.len || !list.len)
		return false;
	h->alpn = true;
	while (list.len) {
		if (!take_vector(&list, 1, &proto) || !proto.len)
			return false;
		if (proto.len == 2 && memcmp(proto.p, "h2", 2) == 0)
			h->h2 = true;
		if (proto.len == 8 && memcmp(proto.p, "http/1.1", 8) == 0)
			h->http1 = true;
	}
	return true;
}

static bool parse_extensions(struct reader list, struct hello *h)
{
	uint8_t seen[65536 / 8] = { 0 };

	while (list.len) {
		struct reader ext;
		unsigned type;

		if (list.len < 2)
			return false;
		type = (unsigned)list.p[0] << 8 | list.p[1];
		if (!skip(&list, 2) || !take_vector(&list, 2, &ext))
			return false;
		if (seen[type / 8] >> type % 8 & 1)
			return false;
		seen[type / 8] |= (uint8_t)(1U << type % 8);
		if (type == EXT_SERVER_NAME && !parse_server_name(ext, h))
			return false;
		if (type == EXT_ALPN && !parse_alpn(ext, h))
			return false;
		if (type == EXT_ECH)
			h->ech = true;
	}
	return true;
}

static bool parse_body(struct reader r, struct hello *h)
{
	struct reader session, ciphers, compressions, extensions;

	if (r.len < 2 || r.p[0] != 3 || !skip(&r, 2 + RANDOM_LEN) ||
		!take_vector(&r, 1, &session) || session.len > SESSION_MAX ||
		!take_vector(&r, 2, &ciphers) || !ciphers.len || ciphers.len % 2 ||
		!take_vector(&r, 1, &compressions) || !compressions.len)
		return false;
	if (!r.len)
		return true; /* of a client without extensions (RFC 5246) */
	return take_vector(&r, 2, &extensions) && !r.len &&
		parse_extensions(extensions, h);
}

/*
 * What begins with something else than a TLS record. A hello in the form of SSL 2 (RFC 5246
 * section E.2) has no server name, and some servers still read it as TLS.
 */
static enum hello_result parse_other(const uint8_t *p, size_t len)
{
	if (!(p[0] & 0x80) || (len > 2 && p[2] != CLIENT_HELLO) || (len > 3 && p[3] > 3))
		return HELLO_OTHER;
	return len < 4 ? HELLO_MORE : HELLO_BAD;
}

/*
 * Put the message together from the records. 'out' has room for HELLO_MAX bytes, and
 * what is in 'data' is no longer.
 */
static enum hello_result join(
	const uint8_t *data, size_t len, uint8_t *out, size_t *ret_len)
{
	size_t have = 0, want = 0;

	for (size_t at = 0;;) {
		size_t n;

		if (len - at < RECORD_HEADER)
			return HELLO_MORE;
		n = (size_t)data[at + 3] << 8 | data[at + 4];
		if (data[at] != RECORD_HANDSHAKE || data[at + 1] != 3 || !n ||
			n > RECORD_MAX)
			return HELLO_BAD;
		at += RECORD_HEADER;
		if (n > len - at) {
			memcpy(out + have, data + at, len - at);
			have += len - at;
		} else {
			memcpy(out + have, data + at, n);
			have += n;
		}
		if (have && out[0] != CLIENT_HELLO)
			return HELLO_BAD;
		if (have >= MESSAGE_HEADER)
			want = MESSAGE_HEADER +
				((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3]);
		if (want > HELLO_MAX)
			return HELLO_BAD;
		if (n > len - at)
			return HELLO_MORE;
		at += n;
		if (want && have > want)
			return HELLO_BAD; /* something else hides in its record */
		if (want && have == want) {
			*ret_len = have;
			return HELLO_DONE;
		}
	}
}

enum hello_result hello_parse(const void *data, size_t len, struct hello *ret)
{
	uint8_t room[HELLO_MAX];
	const uint8_t *p = data;
	enum hello_result result;
	size_t whole = 0;
	bool full = len >= HELLO_MAX;

	*ret = (struct hello){ 0 };
	if (!len)
		return HELLO_MORE;
	if (p[0] != RECORD_HANDSHAKE || (len > 1 && p[1] != 3))
		return parse_other(p, len);
	result = join(p, full ? HELLO_MAX : len, room, &whole);
	if (result == HELLO_MORE && full)
		return HELLO_BAD;
	if (result == HELLO_DONE &&
		!parse_body(
			(struct reader){ room + MESSAGE_HEADER, whole - MESSAGE_HEADER },
			ret)) {
		*ret = (struct hello){ 0 };
		result = HELLO_BAD;
	}
	return result;
}
