/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.h - what a guest's CPUs are, and how the first one begins.
 *
 * The features are what KVM can give (KVM_GET_SUPPORTED_CPUID), less what a sandbox has no
 * use for (virtualisation, performance counters), with a topology of one package whose cores
 * are the vCPUs, and with the frequency of its clock told outright: there is no timer to
 * measure it by.
 */
#ifndef BRIG_VMM_CPU_H
#define BRIG_VMM_CPU_H

#include "vmm/load.h"

#include <linux/kvm.h>

#define CPU_ENTRIES_MAX 256U

struct cpu_features {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[CPU_ENTRIES_MAX];
};

/* What KVM on this host supports. */
int cpu_supported(int kvm, struct cpu_features *ret, struct err *e);

/* Make it what vCPU 'id' of 'cpus' sees; 'tsc_khz' 0: not known. A function of its arguments
 * alone. */
void cpu_normalise(struct cpu_features *f, unsigned id, unsigned cpus, uint32_t tsc_khz);

/* A vCPU's frequency in kHz, 0: not known. And have it be that one, whose last parts in a million
 * are a matter of measuring; -ENOTSUP. */
uint32_t cpu_tsc_khz(int vcpu);
int cpu_set_tsc_khz(int vcpu, uint32_t khz, struct err *e);

/* cpu_normalise(), into the vCPU. */
int cpu_give(int vcpu, const struct cpu_features *supported, unsigned id, unsigned cpus,
	struct err *e);

/* Features and registers of vCPU 'id' of 'cpus', descriptor 'vcpu'. The first one begins at
 * 'entry', in 32-bit protected mode; the others wait for a message that starts them. */
int cpu_setup(int vcpu, const struct cpu_features *supported, unsigned id, unsigned cpus,
	const struct load_entry *entry, struct err *e);

#endif
