/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - one virtual machine: its memory, CPUs, interrupt controller, console, devices.
 *
 * Life: machine_new() -> machine_add_device()* -> machine_load() or machine_restore() ->
 * machine_start() -> machine_run() -> machine_free(). Threads: one a vCPU, and the one that calls
 * machine_run(), which serves the devices' descriptors. All calls are of that thread unless
 * said otherwise.
 *
 * vCPUs are hostile from their first instruction. What they can do to the VMM is an access
 * to a port or to an address that is no memory, and what the devices read of theirs.
 */
#ifndef BRIG_VMM_MACHINE_H
#define BRIG_VMM_MACHINE_H

#include "vmm/cpu.h"
#include "vmm/ioapic.h"
#include "vmm/serial.h"
#include "vmm/virtio/mmio.h"

#define MACHINE_CPUS_MAX  32U
#define MACHINE_SLOTS_MAX 19U /* interrupt lines 5 to 23 */
#define MACHINE_MMIO      0xd0000000ULL
#define MACHINE_IRQ       5U

/* A byte written here switches the machine off, with the byte as its word. */
#define MACHINE_PORT_OFF 0x600U
/* The keyboard controller's, for one thing: reset. */
#define MACHINE_PORT_I8042  0x64U
#define MACHINE_I8042_RESET 0xfeU

enum machine_end {
	MACHINE_RUNS,
	MACHINE_OFF, /* the guest switched it off */
	MACHINE_RESET, /* the guest wants to start again, or its CPU gave up (triple fault) */
	MACHINE_ERROR, /* KVM can't go on: 'why' */
};

struct machine;

enum machine_memory {
	MACHINE_MEMORY_OWN, /* a file of its own, made */
	MACHINE_MEMORY_FILE,
	MACHINE_MEMORY_APART, /* a file that is only read */
};

struct machine_options {
	int kvm; /* /dev/kvm; stays the caller's */
	unsigned cpus;
	uint64_t memory; /* bytes */
	int console;     /* -1: nowhere; stays the caller's */
	enum machine_memory memory_kind;
	int memory_fd; /* of the last two kinds: memory_open() */
};

int machine_new(struct machine **ret, const struct machine_options *o, struct err *e);
void machine_free(struct machine *m); /* NULL is fine; ends the vCPUs first */

/* The machine owns the device from here on, also on failure. -ENOSPC: no slot is left. */
int machine_add_device(struct machine *m, struct virtio_device *d, struct err *e);

/*
 * Load the kernel and set the first CPU up. The devices' words (virtio_mmio.device=...) are
 * added to the command line.
 */
int machine_load(struct machine *m, const struct load *l, struct err *e);

/*
 * In the place of machine_load(): what machine_save() has kept, into a machine of as many CPUs and
 * as much memory, whose contents are there already, and the same devices in the same order.
 * After a failure it can only be freed. -EBADMSG: it is damaged. -ENOTSUP: this host can't go on
 * with it, or the devices are others.
 */
int machine_restore(struct machine *m, struct span *from, struct err *e);

/*
 * Make the vCPUs' threads. They wait for machine_run(): the caller may still give up its
 * rights. 'jail' is called in each of them before it runs the guest; not 0: the machine ends
 * with an error. It may be NULL.
 */
int machine_start(struct machine *m, int (*jail)(struct err *e), struct err *e);

/* Run until the guest's end, or machine_stop(). */
enum machine_end machine_run(struct machine *m, struct err *e);
/* The byte of MACHINE_PORT_OFF. */
unsigned machine_word(const struct machine *m);

/* End machine_run() with 'end', from any thread. The first word counts. */
void machine_stop(struct machine *m, enum machine_end end);

/*
 * Bring all vCPUs to a halt between two instructions, with nothing of theirs pending, and
 * let them go on. Any thread but a vCPU's. The guest's clocks go on meanwhile.
 */
void machine_pause(struct machine *m);
void machine_resume(struct machine *m);

/* All of a paused machine but its memory. The devices' files are up to date then. */
int machine_save(struct machine *m, struct buf *to, struct err *e);

/* memory_freeze() of a paused machine; one that can't go on after it ends with an error. */
int machine_freeze_memory(struct machine *m, int to, struct err *e);

/* Has the guest come to its end, or was it told to? machine_run() returns then. */
bool machine_has_ended(const struct machine *m);

/* Have 'ready' called by machine_run() whenever 'fd' can be read or was hung up. One at a time;
 * NULL: no more. 0 or -errno. */
int machine_watch(struct machine *m, int fd, void (*ready)(void *data), void *data);

/* What the console has said so far goes out. */
void machine_flush(struct machine *m);

const struct guest_memory *machine_memory(const struct machine *m);

#endif
