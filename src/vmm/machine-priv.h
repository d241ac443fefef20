/* SPDX-License-Identifier: Apache-2.0 */
/* machine-priv.h - what machine.c and vcpu.c share. */
#ifndef BRIG_VMM_MACHINE_PRIV_H
#define BRIG_VMM_MACHINE_PRIV_H

#include "base/err.h"
#include "vmm/cpu-state.h"
#include "vmm/machine.h"

struct slot {
	struct mmio_slot mmio;
	struct machine *machine;
	unsigned index;
	_Atomic uint32_t later; /* for virtio_do_later() */
};

struct vcpu {
	struct machine *machine;
	unsigned id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	_Atomic pid_t tid; /* 0: it has not come to its barrier yet */
	bool started;
};

/* what the vCPUs are to do */
enum want { WANT_WAIT, WANT_RUN, WANT_END };

struct machine {
	int vm;
	unsigned cpus;
	size_t run_bytes;
	struct guest_memory memory;
	struct cpu_features features;
	struct cpu_msrs msrs;
	size_t xsave;
	struct ioapic ioapic;
	struct serial serial;
	struct slot *slots[MACHINE_SLOTS_MAX];
	unsigned slots_n;
	struct vcpu vcpu[MACHINE_CPUS_MAX];
	int (*jail)(struct err *e);
	pid_t pid;                 /* of this process */
	int epoll, wake;           /* wake: an eventfd */
	void (*ready)(void *data); /* of machine_watch() */
	void *ready_data;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum want want;
	unsigned running; /* threads that are out of the barrier */
	_Atomic int end;  /* enum machine_end */
	unsigned word;
	struct err why; /* of MACHINE_ERROR */
};

/* vcpu.c */
int vcpu_make(struct machine *m, unsigned id, int kvm, struct err *e);
int vcpu_start(struct vcpu *v, struct err *e);
void vcpu_kick(struct vcpu *v); /* out of the guest; the machine's lock is held */
void vcpu_clear(struct vcpu *v);

/* bus.c: accesses that aren't to memory */
void bus_port(struct machine *m, uint16_t port, bool out, void *data, unsigned n);
void bus_mmio(struct machine *m, uint64_t at, bool write, void *data, unsigned n);

void machine_fail(struct machine *m, const struct err *why);

#endif
