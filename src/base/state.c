/* SPDX-License-Identifier: Apache-2.0 */
#include "base/state.h"

#include <errno.h>
#include <string.h>

static int put(struct buf *to, uint64_t v, unsigned n)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	return buf_add(to, bytes, n);
}

static int get(struct span *from, uint64_t *ret, unsigned n)
{
	uint8_t bytes[8] = { 0 };
	int r = state_get_bytes(from, bytes, n);

	*ret = 0;
	for (unsigned i = 0; r == 0 && i < n; i++)
		*ret |= (uint64_t)bytes[i] << (8 * i);
	return r;
}

int state_put8(struct buf *to, uint8_t v)
{
	return put(to, v, 1);
}

int state_put16(struct buf *to, uint16_t v)
{
	return put(to, v, 2);
}

int state_put32(struct buf *to, uint32_t v)
{
	return put(to, v, 4);
}

int state_put64(struct buf *to, uint64_t v)
{
	return put(to, v, 8);
}

int state_put_bytes(struct buf *to, const void *from, size_t n)
{
	return buf_add(to, from, n);
}

int state_get8(struct span *from, uint8_t *ret)
{
	uint64_t v;
	int r = get(from, &v, 1);

	*ret = (uint8_t)v;
	return r;
}

int state_get16(struct span *from, uint16_t *ret)
{
	uint64_t v;
	int r = get(from, &v, 2);

	*ret = (uint16_t)v;
	return r;
}

int state_get32(struct span *from, uint32_t *ret)
{
	uint64_t v;
	int r = get(from, &v, 4);

	*ret = (uint32_t)v;
	return r;
}

int state_get64(struct span *from, uint64_t *ret)
{
	return get(from, ret, 8);
}

int state_get_bytes(struct span *from, void *to, size_t n)
{
	if (from->left < n)
		return -EBADMSG;
	if (n)
		memcpy(to, from->at, n);
	from->at += n;
	from->left -= n;
	return 0;
}
