/* SPDX-License-Identifier: Apache-2.0 */
/* Any accesses to a slot's registers, over any memory; and what a hostile driver of the toy does. */
#include "vmm/virtio/mmio.h"
#include "vmm/virtio/testing.h"
#include "vmm/virtio/toy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MEMORY 65536U

static void on_raise(void *data, unsigned irq)
{
	(void)data;
	(void)irq;
}

static void on_interrupt(struct virtio_device *d, uint32_t why)
{
	mmio_slot_interrupt(d->host_data, why);
}

static int on_watch(struct virtio_device *d, int fd, uint32_t events)
{
	(void)d;
	(void)fd;
	(void)events;
	return 0;
}

static void on_later(struct virtio_device *d, unsigned queue)
{
	(void)d;
	(void)queue;
}

/* What is agreed on is what was offered, and what is live lies in memory. */
static void check(const struct virtio_device *d)
{
	if (d->features & ~d->offered)
		abort();
	if ((d->status & VIRTIO_DRIVER_OK) && !(d->status & VIRTIO_FEATURES_OK))
		abort();
	for (unsigned i = 0; i < d->ops->queues; i++)
		if (virtqueue_live(&d->queues[i]) && !(d->status & VIRTIO_DRIVER_OK))
			abort();
}

static void drive(
	struct mmio_slot *s, struct guest_memory *m, const uint8_t *at, size_t len)
{
	while (len >= 8) {
		uint32_t off = (uint32_t)(at[1] | at[2] << 8) % MMIO_SLOT_BYTES;
		unsigned n = 1U << (at[0] >> 1 & 3);
		uint8_t bytes[8] = { at[4], at[5], at[6], at[7] };

		if (at[0] & 8)
			n = 4, off = at[1] & 0xfc;
		if (at[0] & 16)
			(void)memory_copy_in(m, (at[1] | at[2] << 8) % MEMORY, at + 4, 4);
		else if (at[0] & 1)
			mmio_slot_write(s, off, bytes, n);
		else
			mmio_slot_read(s, off, bytes, n);
		check(s->device);
		at += 8;
		len -= 8;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct virtio_host host = { on_interrupt, on_watch, on_later };
	struct guest_memory m = { .host = calloc(1, MEMORY), .size = MEMORY, .fd = -1 };
	struct virtio_device *d;
	struct mmio_slot s;

	if (!m.host)
		abort();
	if (len && data[0] & 1) {
		testing_fuzz(toy_new(), toy_new, data + 1, len - 1);
	} else if (len) {
		d = toy_new();
		mmio_slot_init(&s, d);
		s.raise = on_raise;
		virtio_attach(d, &m, &host, &s);
		drive(&s, &m, data + 1, len - 1);
		toy_free(d);
	}
	free(m.host);
	return 0;
}
