/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any state for a machine of one CPU and a toy: it is refused, or taken. Its first 24 bytes are
 * made right, so that what is behind the checksum is looked at. KVM takes everything.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/records.h"
#include "vmm/machine-priv.h"
#include "vmm/virtio/toy.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

#define MEMORY (16U << 20)
#define MAGIC  0x454e494843414d42ULL

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	if (request == KVM_SET_MSRS || request == KVM_GET_MSRS)
		return (int)((struct kvm_msrs *)arg)->nmsrs / 2;
	return request == KVM_GET_TSC_KHZ ? 2000000 : 0;
}

static void on_raise(void *data, unsigned irq)
{
	(void)data;
	(void)irq;
}

static void on_line(void *data)
{
	(void)data;
}

static void on_interrupt(struct virtio_device *d, uint32_t why)
{
	(void)d;
	(void)why;
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
	virtio_notify(d, queue + VIRTIO_QUEUES_MAX);
}

static int on_send(void *data, const struct ioapic_message *msg)
{
	(void)data;
	(void)msg;
	return 1;
}

static void on_route(void *data, const struct ioapic_message msg[IOAPIC_PINS])
{
	(void)data;
	(void)msg;
}

static void restore(struct machine *m, struct buf *b)
{
	struct span s = { (uint8_t *)b->data, b->len };
	struct err e = { 0 };
	struct virtio_device *d = m->slots[0]->mmio.device;

	if (machine_restore(m, &s, &e) < 0) {
		if (!e.code || !e.msg[0])
			abort();
		return;
	}
	if (d->features & ~d->offered)
		abort();
	for (unsigned i = 0; i < d->ops->queues; i++)
		virtio_notify(d, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct virtio_host host = { on_interrupt, on_watch, on_later };
	static struct machine m;
	static struct slot slot;
	AUTO(buf_clear) struct buf b = { 0 };
	static uint8_t *memory;

	if (!memory)
		memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || records_begin(&b, MAGIC, 1) < 0)
		abort();
	if (len < RECORDS_HEAD ||
		buf_add(&b, data + RECORDS_HEAD, len - RECORDS_HEAD) < 0)
		return 0;
	records_end(&b);
	m = (struct machine){ .cpus = 1,
		.slots = { &slot },
		.slots_n = 1,
		.memory = { .host = memory, .size = MEMORY, .fd = -1 } };
	ioapic_init(&m.ioapic);
	m.ioapic.send = on_send;
	m.ioapic.route = on_route;
	serial_init(&m.serial, -1);
	m.serial.raise = m.serial.power_off = on_line;
	mmio_slot_init(&slot.mmio, toy_new());
	slot.mmio.raise = on_raise;
	virtio_attach(slot.mmio.device, &m.memory, &host, &slot);
	restore(&m, &b);
	toy_free(slot.mmio.device);
	ioapic_clear(&m.ioapic);
	serial_clear(&m.serial);
	return 0;
}
