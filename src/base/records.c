/* SPDX-License-Identifier: Apache-2.0 */
#include "base/records.h"

#include "base/crc.h"
#include "base/err.h"

#include <errno.h>
#include <string.h>

#define AT_CRC    12U
#define AT_LENGTH 16U

static void set_number(struct buf *b, size_t at, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		b->data[at + i] = (char)(v >> (8 * i));
}

int records_begin(struct buf *to, uint64_t magic, uint32_t version)
{
	int r = state_put64(to, magic);

	r = r < 0 ? r : state_put32(to, version);
	r = r < 0 ? r : state_put32(to, 0);
	return r < 0 ? r : state_put64(to, 0);
}

int records_open(struct buf *to, uint32_t tag, size_t *ret_at)
{
	int r = state_put32(to, tag);

	r = r < 0 ? r : state_put32(to, 0);
	*ret_at = to->len;
	return r;
}

void records_close(struct buf *to, size_t at)
{
	set_number(to, at - 4, to->len - at, 4);
}

int records_put(struct buf *to, uint32_t tag, const void *data, size_t n)
{
	size_t at;
	int r = records_open(to, tag, &at);

	r = r < 0 ? r : state_put_bytes(to, data, n);
	if (r == 0)
		records_close(to, at);
	return r;
}

void records_end(struct buf *to)
{
	set_number(to, AT_LENGTH, to->len - RECORDS_HEAD, 8);
	set_number(to, AT_CRC, crc32c(0, to->data + AT_LENGTH, to->len - AT_LENGTH), 4);
}

int records_check(const void *data, size_t n, uint64_t magic, uint32_t version,
	struct span *ret, const char *what, struct err *e)
{
	struct span s = { data, n };
	uint64_t got_magic, length;
	uint32_t got_version, crc;

	if (state_get64(&s, &got_magic) < 0 || state_get32(&s, &got_version) < 0 ||
		state_get32(&s, &crc) < 0 || state_get64(&s, &length) < 0 ||
		got_magic != magic)
		return err_set(e, EBADMSG, "%s is damaged, or something else", what);
	if (got_version != version)
		return err_set(e, ENOTSUP,
			"%s is of version %u, and this brig knows version %u", what,
			got_version, version);
	if (length != s.left ||
		crc != crc32c(0, (const char *)data + AT_LENGTH, n - AT_LENGTH))
		return err_set(e, EBADMSG, "%s is damaged: its checksum is wrong", what);
	*ret = s;
	return 0;
}

int records_get(struct span *from, uint32_t tag, struct span *ret)
{
	struct span s = *from;
	uint32_t got, n;

	*ret = (struct span){ 0 };
	if (state_get32(&s, &got) < 0 || got != tag || state_get32(&s, &n) < 0 ||
		n > s.left || n > RECORDS_MAX)
		return -EBADMSG;
	*ret = (struct span){ s.at, n };
	from->at = s.at + n;
	from->left = s.left - n;
	return 0;
}
