/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmio.h - virtio over memory-mapped registers, version 2 (virtio 1.3, section 4.2.2).
 *
 * A slot is a page of registers with one device behind it. Registers take 32-bit accesses at
 * multiples of four; anything else there reads as zero and writes nothing. The device's
 * configuration takes any size and place.
 *
 * Each slot has an interrupt line. 'raise' is called for every event, edge by edge: what the
 * guest sees of a cause is in InterruptStatus until it acknowledges it.
 */
#ifndef BRIG_VMM_VIRTIO_MMIO_H
#define BRIG_VMM_VIRTIO_MMIO_H

#include "vmm/virtio/transport.h"

#include <stdatomic.h>

#define MMIO_SLOT_BYTES 4096U

struct mmio_slot {
	struct virtio_device *device;
	unsigned irq;
	void (*raise)(void *data, unsigned irq); /* any thread */
	void *raise_data;
	_Atomic uint32_t interrupt_status;
	/* the lock is the device's */
	uint32_t device_features_sel, driver_features_sel, queue_sel;
};

void mmio_slot_init(struct mmio_slot *s, struct virtio_device *d);

/* Access to 'n' (1 to 8) bytes at 'off' within the page. */
void mmio_slot_read(struct mmio_slot *s, uint32_t off, void *to, unsigned n);
void mmio_slot_write(struct mmio_slot *s, uint32_t off, const void *from, unsigned n);

/* struct virtio_host's: 'why' becomes InterruptStatus and an interrupt. */
void mmio_slot_interrupt(struct mmio_slot *s, uint32_t why);

/* The registers of the slot and the device behind it. A restored slot raises its interrupt
 * once: one may have been on its way. */
int mmio_slot_save(struct mmio_slot *s, struct buf *to);
int mmio_slot_restore(struct mmio_slot *s, struct span *from);

#endif
