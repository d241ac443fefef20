/* SPDX-License-Identifier: Apache-2.0 */
/* testing_fuzz(): what a hostile driver does, taken from a fuzzer's bytes. */
#include "vmm/virtio/testing.h"

#include <linux/virtio_ring.h>
#include <string.h>

#define MEMORY     (256U << 10)
#define WRITE_MAX  512U
#define STEPS_MAX  512U
#define CHAIN_MAX  8U
#define BUFFER_MAX 16384U

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static uint64_t number(struct input *in, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)byte(in) << (8 * i);
	return v;
}

static unsigned queue(struct testing *t, struct input *in)
{
	return byte(in) % t->device->ops->queues;
}

static void write_memory(struct testing *t, struct input *in, uint64_t at)
{
	size_t n = number(in, 2) % WRITE_MAX;

	if (n > in->left)
		n = in->left;
	(void)memory_copy_in(&t->memory, at, in->at, n);
	in->at += n;
	in->left -= n;
}

/* Well-formed requests with any contents, so that handlers are reached at all. */
static void add_chain(struct testing *t, struct input *in)
{
	struct testing_seg seg[CHAIN_MAX];
	unsigned q = queue(t, in), shape = byte(in), n = shape % CHAIN_MAX + 1;
	unsigned out = byte(in) % (n + 1);

	if (n > t->queue[q].size)
		return;
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = (uint32_t)number(in, 2);

		/* small ones mostly: that's where headers are */
		len = len & 0x8000 ? len % BUFFER_MAX : len % 128;
		if (t->heap + len + 1024 > t->memory.size)
			t->heap = t->memory.size / 2;
		seg[i] = (struct testing_seg){ testing_alloc(t, len, 1), len, i >= out };
		if (i < out && in->left) {
			size_t k = len < in->left ? len : in->left;

			k = k < WRITE_MAX ? k : WRITE_MAX;
			(void)memory_copy_in(&t->memory, seg[i].at, in->at, k);
			in->at += k;
			in->left -= k;
		}
	}
	if (shape & 0x80)
		(void)testing_add_indirect(t, q, seg, n);
	else
		(void)testing_add(t, q, seg, n);
}

static void access_config(struct testing *t, struct input *in, bool write)
{
	uint8_t bytes[8] = { 0 };
	uint32_t off = (uint32_t)number(in, 2) % 512, n = 1U << (byte(in) % 4);

	if (write) {
		for (unsigned i = 0; i < n; i++)
			bytes[i] = byte(in);
		virtio_write_config(t->device, off, bytes, n);
	} else {
		virtio_read_config(t->device, off, bytes, n);
	}
}

static void step(
	struct testing *t, struct input *in, struct virtio_device *(*again)(void))
{
	struct testing_queue *q = &t->queue[queue(t, in)];

	switch (byte(in) % 16) {
	case 0: write_memory(t, in, number(in, 3) % MEMORY); break;
	case 1: write_memory(t, in, q->desc + number(in, 2) % 1024); break;
	case 2: write_memory(t, in, q->avail + byte(in)); break;
	case 3: write_memory(t, in, q->used + number(in, 2) % 520); break;
	case 4: access_config(t, in, false); break;
	case 5: access_config(t, in, true); break;
	case 6: (void)testing_start(t, number(in, 8)); break;
	case 7: (void)testing_poll(t, 0); break;
	case 8: {
		struct virtio_device *to = again ? again() : NULL;

		if (to)
			(void)testing_move(t, to);
		break;
	}
	case 9:
	case 10:
	case 11: testing_kick(t, queue(t, in)); break;
	default:
		add_chain(t, in);
		if (byte(in) & 1)
			testing_kick(t, queue(t, in));
		break;
	}
}

void testing_fuzz(struct virtio_device *d, struct virtio_device *(*again)(void),
	const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct testing t;

	testing_begin(&t, d, MEMORY);
	(void)testing_start(&t, number(&in, 8));
	for (unsigned i = 0; i < STEPS_MAX && in.left; i++)
		step(&t, &in, again);
	testing_end(&t);
}
