/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any accesses to ports and to addresses that aren't memory, of any width: the serial port, the
 * interrupt controller, three slots of devices, and what lies between. The main thread's turns and
 * the ends of interrupts come in between, and the parts are saved and restored.
 */
#include "base/auto.h"
#include "base/err.h"
#include "vmm/machine-priv.h"
#include "vmm/virtio/rng.h"
#include "vmm/virtio/toy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MEMORY 65536U
#define SLOTS  3U
#define STEP   12U /* bytes of input */

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Nothing but interrupts goes to CPUs: no start, no stop, no management. */
static int on_send(void *data, const struct ioapic_message *msg)
{
	unsigned mode = msg->data >> 8 & 7;

	(void)data;
	must(msg->address >> 20 == 0xfee && !(msg->data & 0xffff3000));
	must(mode == 4 || (mode <= 1 && (msg->data & 0xff) >= 16));
	return 1;
}

static void on_route(void *data, const struct ioapic_message msg[IOAPIC_PINS])
{
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		if (msg[i].level)
			(void)on_send(data, &msg[i]);
		else
			must(!msg[i].address && !msg[i].data);
}

static void on_serial(void *data)
{
	struct machine *m = data;

	ioapic_raise(&m->ioapic, SERIAL_IRQ);
}

static void on_power_off(void *data)
{
	machine_stop(data, MACHINE_OFF);
}

static void on_raise(void *data, unsigned irq)
{
	struct machine *m = data;

	ioapic_raise(&m->ioapic, irq);
}

static void on_interrupt(struct virtio_device *d, uint32_t why)
{
	struct slot *s = d->host_data;

	mmio_slot_interrupt(&s->mmio, why);
}

static int on_watch(struct virtio_device *d, int fd, uint32_t events)
{
	(void)d;
	(void)fd;
	(void)events;
	return 0;
}

static void on_later(struct virtio_device *d, unsigned bit)
{
	struct slot *s = d->host_data;

	(void)atomic_fetch_or(&s->later, 1U << bit);
}

static void do_later(struct machine *m)
{
	for (unsigned i = 0; i < m->slots_n; i++)
		virtio_do_later(m->slots[i]->mmio.device,
			atomic_exchange(&m->slots[i]->later, 0));
}

static void move(struct machine *m)
{
	AUTO(buf_clear) struct buf b = { 0 };
	struct span s;

	must(ioapic_save(&m->ioapic, &b) == 0 && serial_save(&m->serial, &b) == 0);
	s = (struct span){ (const uint8_t *)b.data, b.len };
	must(ioapic_restore(&m->ioapic, &s) == 0);
	must(serial_restore(&m->serial, &s) == 0 && s.left == 0);
}

static void check(const struct machine *m)
{
	must(m->serial.line_len < SERIAL_LINE);
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		must(!(m->ioapic.entry[i] & ~0xff0000000001efffULL));
	for (unsigned i = 0; i < m->slots_n; i++) {
		const struct virtio_device *d = m->slots[i]->mmio.device;

		must(!(d->features & ~d->offered));
		must(!(d->status & VIRTIO_DRIVER_OK) || d->status & VIRTIO_FEATURES_OK);
	}
}

/* Where something is, mostly. */
static uint64_t address(const uint8_t at[STEP])
{
	uint64_t v;

	memcpy(&v, at + 4, sizeof(v));
	switch (at[1] & 7) {
	case 0: return v;
	case 1: return IOAPIC_ADDRESS + (at[2] & 0x1f);
	case 2: return IOAPIC_ADDRESS + (at[2] | at[3] << 8) % IOAPIC_BYTES;
	case 3:
		return MACHINE_MMIO +
			(at[2] | at[3] << 8) % ((SLOTS + 1) * MMIO_SLOT_BYTES);
	default: return MACHINE_MMIO + at[3] % SLOTS * MMIO_SLOT_BYTES + (at[2] & 0xfcU);
	}
}

static void step(struct machine *m, const uint8_t at[STEP])
{
	unsigned n = at[1] & 8 ? 4 : 1U << (at[1] >> 4 & 3);
	bool write = at[0] & 1;
	uint8_t bytes[8];

	memcpy(bytes, at + 4, sizeof(bytes));
	switch (at[0] >> 1 & 7) {
	case 0: bus_port(m, (uint16_t)(at[2] | at[3] << 8), write, bytes, n & 7); break;
	case 1:
		bus_port(m, (uint16_t)(SERIAL_PORT + (at[2] & 7)), write, bytes, 1);
		break;
	case 2: ioapic_end(&m->ioapic, at[2]); break;
	case 3: do_later(m); break;
	case 4:
		(void)memory_copy_in(&m->memory, (at[2] | at[3] << 8) % MEMORY, bytes, 8);
		break;
	case 5:
		if (write)
			ioapic_raise(&m->ioapic, at[2]);
		else
			move(m);
		break;
	default: bus_mmio(m, address(at), write, bytes, n); break;
	}
	check(m);
}

static void begin(struct machine *m, struct slot slot[SLOTS], uint8_t *memory, int out)
{
	static const struct virtio_host host = { on_interrupt, on_watch, on_later };
	struct err e = { 0 };

	*m = (struct machine){ .cpus = 1,
		.vm = -1,
		.wake = -1,
		.memory = { .host = memory, .size = MEMORY, .fd = -1 } };
	ioapic_init(&m->ioapic);
	m->ioapic.send = on_send;
	m->ioapic.route = on_route;
	serial_init(&m->serial, out);
	m->serial.raise = on_serial;
	m->serial.power_off = on_power_off;
	m->serial.data = m;
	for (unsigned i = 0; i < SLOTS; i++) {
		struct virtio_device *d = i ? toy_new() : rng_new(&e);

		slot[i] = (struct slot){ .machine = m, .index = i };
		mmio_slot_init(&slot[i].mmio, d);
		slot[i].mmio.irq = MACHINE_IRQ + i;
		slot[i].mmio.raise = on_raise;
		slot[i].mmio.raise_data = m;
		virtio_attach(d, &m->memory, &host, &slot[i]);
		m->slots[m->slots_n++] = &slot[i];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct machine m;
	static struct slot slot[SLOTS];
	uint8_t *memory = calloc(1, MEMORY);
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	must(memory && out >= 0);
	begin(&m, slot, memory, out);
	for (; len >= STEP; data += STEP, len -= STEP)
		step(&m, data);
	for (unsigned i = 0; i < SLOTS; i++)
		slot[i].mmio.device->ops->free(slot[i].mmio.device);
	serial_clear(&m.serial);
	ioapic_clear(&m.ioapic);
	(void)close(out);
	free(memory);
	return 0;
}
