/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's ports and device addresses: who answers at which. Nobody: all ones. */
#include "vmm/machine-priv.h"

#include <string.h>

static void write_port(struct machine *m, uint16_t port, uint8_t v)
{
	if (port >= SERIAL_PORT && port < SERIAL_PORT + SERIAL_PORTS)
		serial_write(&m->serial, port - SERIAL_PORT, v);
	else if (port == MACHINE_PORT_I8042 && v == MACHINE_I8042_RESET)
		machine_stop(m, MACHINE_RESET);
	else if (port == MACHINE_PORT_OFF) {
		m->word = v;
		machine_stop(m, MACHINE_OFF);
	}
}

static uint8_t read_port(struct machine *m, uint16_t port)
{
	if (port >= SERIAL_PORT && port < SERIAL_PORT + SERIAL_PORTS)
		return serial_read(&m->serial, port - SERIAL_PORT);
	/* a keyboard controller that is ready, and has nothing to say */
	return port == MACHINE_PORT_I8042 ? 0 : 0xff;
}

void bus_port(struct machine *m, uint16_t port, bool out, void *data, unsigned n)
{
	uint8_t *byte = data;

	if (out && n == 1)
		write_port(m, port, *byte);
	else if (!out)
		memset(data, 0xff, n);
	if (!out && n == 1)
		*byte = read_port(m, port);
}

void bus_mmio(struct machine *m, uint64_t at, bool write, void *data, unsigned n)
{
	uint64_t slot = (at - MACHINE_MMIO) / MMIO_SLOT_BYTES;
	uint32_t off = (uint32_t)(at % MMIO_SLOT_BYTES);

	if (at >= MACHINE_MMIO && slot < m->slots_n && off + n <= MMIO_SLOT_BYTES) {
		if (write)
			mmio_slot_write(&m->slots[slot]->mmio, off, data, n);
		else
			mmio_slot_read(&m->slots[slot]->mmio, off, data, n);
	} else if (at >= IOAPIC_ADDRESS && at - IOAPIC_ADDRESS < IOAPIC_BYTES) {
		if (write)
			ioapic_write(
				&m->ioapic, (uint32_t)(at - IOAPIC_ADDRESS), data, n);
		else
			ioapic_read(&m->ioapic, (uint32_t)(at - IOAPIC_ADDRESS), data, n);
	} else if (!write) {
		memset(data, 0xff, n);
	}
}
