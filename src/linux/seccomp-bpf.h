/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp-bpf.h - from rules about system calls to a BPF program; part of the generator.
 *
 * A program is a binary search over ranges of call numbers that share an action, so that
 * three hundred rules become a dozen steps, and calls allowed without conditions are
 * found constant by the kernel, which then does not run the filter for them at all
 * (kernel/seccomp.c: seccomp_cache_prepare_bitmap).
 */
#ifndef BRIG_LINUX_SECCOMP_BPF_H
#define BRIG_LINUX_SECCOMP_BPF_H

#include <linux/filter.h>
#include <stdint.h>

#define BPF_CONDS_MAX 3
#define BPF_INSNS_MAX 4096 /* BPF_MAXINSNS */

/*
 * A condition on an argument. The kernel takes int arguments from the low 32 bits of the
 * register whatever is above, so those are compared alone: a comparison of all 64 could
 * be stepped around by setting high bits. BPF_COND_ZERO64 is for pointers.
 */
enum bpf_cond_op {
	BPF_COND_NONE,
	BPF_COND_EQ,     /* (arg & mask) == value */
	BPF_COND_NE,     /* (arg & mask) != value */
	BPF_COND_ZERO64, /* all 64 bits are 0 */
};

struct bpf_cond {
	enum bpf_cond_op op;
	unsigned arg;
	uint32_t mask, value;
};

/* One way to treat call 'nr': 'action' (SECCOMP_RET_*) when all conditions hold. Of a
 * call's rules those with conditions are tried first, in their order; then one without,
 * where an allowing one wins. When none fits, the default action is taken. */
struct bpf_rule {
	uint32_t nr;
	uint32_t action;
	unsigned order;
	struct bpf_cond cond[BPF_CONDS_MAX];
};

/* the numbers from 'first' to before the next one's 'first' do 'action' without a rule */
struct bpf_default {
	uint32_t first;
	uint32_t action;
};

/* what to do for one AUDIT_ARCH_* */
struct bpf_arch {
	uint32_t audit;
	struct bpf_rule *rules; /* gets sorted */
	unsigned rules_n;
	const struct bpf_default *defaults; /* ascending; the first one's 'first' is 0 */
	unsigned defaults_n;
};

struct bpf_code {
	struct sock_filter insn[BPF_INSNS_MAX];
	unsigned n;
};

/* The program; other architectures are killed. 0, or -1 when it would be too long. */
int bpf_compile(const struct bpf_arch *arch, unsigned n, struct bpf_code *ret);

#endif
