/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioapic.h - the interrupt controller that turns device lines into messages to CPUs: Intel's
 * 82093AA with 24 pins, in user space (KVM_CAP_SPLIT_IRQCHIP: the local APICs are KVM's).
 *
 * The guest programs a redirection entry for each pin; raising the pin sends what the entry
 * says as a message (KVM_SIGNAL_MSI). Lines here are events: each ioapic_raise() is one,
 * whether the pin is programmed for edges or for levels. An event at a masked pin is kept
 * and sent when the pin is unmasked. At a pin for levels the next one waits until the guest
 * ends the interrupt; KVM tells of that only for vectors it was given a route for, so such
 * entries are handed to 'route'.
 *
 * Functions may be called from any thread; the callbacks come under the lock.
 */
#ifndef BRIG_VMM_IOAPIC_H
#define BRIG_VMM_IOAPIC_H

#include "base/state.h"

#include <pthread.h>
#include <stdbool.h>

#define IOAPIC_PINS    24U
#define IOAPIC_ADDRESS 0xfec00000ULL
#define IOAPIC_BYTES   4096U
#define IOAPIC_VERSION 0x11U

struct ioapic_message {
	uint64_t address;
	uint32_t data;
	bool level; /* only these have to be routed */
};

struct ioapic {
	pthread_mutex_t lock;
	uint32_t select; /* which register is in the window */
	uint32_t id;
	uint64_t entry[IOAPIC_PINS];
	uint32_t pending; /* pins with an event that couldn't be sent */
	bool routed;      /* 'route' was called: some pin is for levels */
	int (*send)(void *data, const struct ioapic_message *msg);
	/* messages of all pins; those that aren't for levels are all zero */
	void (*route)(void *data, const struct ioapic_message msg[IOAPIC_PINS]);
	void *data;
};

void ioapic_init(struct ioapic *io);
void ioapic_clear(struct ioapic *io);

void ioapic_raise(struct ioapic *io, unsigned pin);
void ioapic_end(struct ioapic *io, uint8_t vector); /* KVM_EXIT_IOAPIC_EOI */

/* 32-bit accesses within its page; others read zero and write nothing */
void ioapic_read(struct ioapic *io, uint32_t off, void *to, unsigned n);
void ioapic_write(struct ioapic *io, uint32_t off, const void *from, unsigned n);

int ioapic_save(struct ioapic *io, struct buf *to);
int ioapic_restore(struct ioapic *io, struct span *from);

#endif
