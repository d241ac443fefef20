/* SPDX-License-Identifier: Apache-2.0 */
/* A queue over any memory: where it starts, what is popped points to that memory. */
#include "vmm/virtio/virtqueue.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MEMORY 8192U

static void check(const struct guest_memory *m, const struct vq_chain *c)
{
	uint64_t out = 0, in = 0;

	if (c->out_n + c->in_n > VQ_SEGMENTS_MAX)
		abort();
	for (unsigned i = 0; i < c->out_n + c->in_n; i++) {
		const uint8_t *at = c->seg[i].iov_base;

		if (at < m->host || c->seg[i].iov_len == 0 ||
			c->seg[i].iov_len > (size_t)(m->host + m->size - at))
			abort();
		*(i < c->out_n ? &out : &in) += c->seg[i].iov_len;
	}
	if (out != c->out_len || in != c->in_len || out + in > UINT32_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct vq_chain c;
	struct virtqueue q = { .size_max = 256 };
	struct guest_memory m = { .size = MEMORY, .fd = -1 };
	uint8_t bytes[64];

	if (len < 16)
		return 0;
	m.host = aligned_alloc(4096, MEMORY);
	if (!m.host)
		abort();
	memset(m.host, 0, MEMORY);
	q.config =
		(struct virtqueue_config){ .size = data[0] < 9 ? 1U << data[0] : data[0],
			.ready = 1,
			.desc = data[1] * 64ULL,
			.driver = data[2] * 64ULL,
			.device = data[3] * 64ULL };
	memcpy(m.host, data + 8, len - 8 < MEMORY ? len - 8 : MEMORY);
	if (virtqueue_start(&q, &m, (uint64_t)data[4] << 24) == 0) {
		for (unsigned i = 0; i < 64; i++) {
			int r = virtqueue_pop(&q, &c);

			if (r < 0)
				break;
			if (r == 0 && !virtqueue_kick_on(&q))
				break;
			if (r == 0)
				continue;
			check(&m, &c);
			(void)chain_read(&c, data[5], bytes, sizeof(bytes));
			(void)chain_write(&c, data[6], bytes, sizeof(bytes));
			virtqueue_push(&q, c.head, data[7]);
			(void)virtqueue_interrupt_wanted(&q);
			virtqueue_kick_off(&q);
		}
	}
	free(m.host);
	return 0;
}
