/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu-state.h - a vCPU's state out of KVM and into it again.
 *
 * Should:   be complete: what isn't saved is zero in the copy, and a guest that misses a bit of
 *           it fails hours later. So everything that KVM lists as a register is in.
 * Mustn't:  restore onto a processor that lacks a feature that the guest has seen.
 *
 * The order of both is KVM's business and said at each step in cpu-state.c.
 */
#ifndef BRIG_VMM_CPU_STATE_H
#define BRIG_VMM_CPU_STATE_H

#include "base/state.h"
#include "vmm/cpu.h"

#define CPU_MSRS_MAX 1024U

struct cpu_msrs {
	struct kvm_msr_list head;
	uint32_t index[CPU_MSRS_MAX];
};

/* Which model-specific registers KVM has here. */
int cpu_msrs_list(int kvm, struct cpu_msrs *ret, struct err *e);

/* How large KVM's XSAVE area is, of a virtual machine's CPUs. */
size_t cpu_xsave_bytes(int vm);

/* Of descriptor 'vcpu', whose thread isn't in the guest. */
int cpu_save(int vcpu, const struct cpu_msrs *msrs, size_t xsave, struct buf *to,
	struct err *e);

/* Into a fresh vCPU that was given its features (cpu_give()). -EBADMSG for what no vCPU of ours
 * can have said. */
int cpu_restore(int vcpu, struct span *from, struct err *e);

/* What KVM supported where a machine was made: all that there is. -EBADMSG. */
int cpu_features_save(const struct cpu_features *f, struct buf *to);
int cpu_features_restore(struct cpu_features *ret, struct span *from);

/* Does 'have' offer all that 'saved' tells of, on a processor of the same make? A function of its
 * arguments alone. 0, or -ENOTSUP with the difference in words. */
int cpu_compare(
	const struct cpu_features *have, const struct cpu_features *saved, struct err *e);

#endif
