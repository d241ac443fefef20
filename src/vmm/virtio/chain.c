/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/chain.h"

#include <string.h>

static unsigned cut(
	const struct iovec *seg, unsigned n, size_t offset, size_t len, struct iovec *ret)
{
	unsigned out = 0;

	for (unsigned i = 0; i < n && len; i++) {
		size_t part = seg[i].iov_len;

		if (offset >= part) {
			offset -= part;
			continue;
		}
		part -= offset;
		if (part > len)
			part = len;
		ret[out++] =
			(struct iovec){ .iov_base = (uint8_t *)seg[i].iov_base + offset,
				.iov_len = part };
		offset = 0;
		len -= part;
	}
	return out;
}

unsigned chain_out_iov(
	const struct vq_chain *c, size_t offset, size_t n, struct iovec *ret)
{
	return cut(c->seg, c->out_n, offset, n, ret);
}

unsigned chain_in_iov(
	const struct vq_chain *c, size_t offset, size_t n, struct iovec *ret)
{
	return cut(c->seg + c->out_n, c->in_n, offset, n, ret);
}

/* Copies between 'n' bytes at 'mem' and the segments, from 'offset' on. */
static size_t copy(const struct iovec *seg, unsigned segs, size_t offset, void *to,
	const void *from, size_t n)
{
	size_t done = 0;

	for (unsigned i = 0; i < segs && done < n; i++) {
		size_t part = seg[i].iov_len;
		uint8_t *at = seg[i].iov_base;

		if (offset >= part) {
			offset -= part;
			continue;
		}
		part -= offset;
		if (part > n - done)
			part = n - done;
		if (to)
			memcpy((uint8_t *)to + done, at + offset, part);
		else
			memcpy(at + offset, (const uint8_t *)from + done, part);
		offset = 0;
		done += part;
	}
	return done;
}

size_t chain_read(const struct vq_chain *c, size_t offset, void *to, size_t n)
{
	return n ? copy(c->seg, c->out_n, offset, to, NULL, n) : 0;
}

size_t chain_write(const struct vq_chain *c, size_t offset, const void *from, size_t n)
{
	return n ? copy(c->seg + c->out_n, c->in_n, offset, NULL, from, n) : 0;
}
