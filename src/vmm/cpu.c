/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/cpu.h"

#include "base/err.h"

#include <asm/kvm_para.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

/* CPUID: Intel's manual, volume 2A; AMD's, volume 3, appendix E */
#define LEAF_FEATURES    0x1U
#define LEAF_CACHE       0x4U
#define LEAF_POWER       0x6U
#define LEAF_PERF        0xaU
#define LEAF_TOPOLOGY    0xbU
#define LEAF_TOPOLOGY_V2 0x1fU
#define LEAF_TSC         0x15U
#define LEAF_HYPERVISOR  0x40000000U
#define LEAF_KVM         0x40000001U
#define LEAF_TIMING      0x40000010U /* VMware's: frequencies, which Linux believes */
#define LEAF_AMD         0x80000001U
#define LEAF_AMD_SIZES   0x80000008U
#define LEAF_AMD_SVM     0x8000000aU
#define LEAF_AMD_CACHE   0x8000001dU
#define LEAF_AMD_TOPO    0x8000001eU
#define LEAF_AMD_PERF    0x80000022U
#define LEAF_AMD_TOPO_V2 0x80000026U

#define C1_VMX      (1U << 5)
#define C1_X2APIC   (1U << 21)
#define C1_DEADLINE (1U << 24)
#define C1_GUEST    (1U << 31)
#define D1_HTT      (1U << 28)
#define A6_ARAT     (1U << 2)
#define AMD_SVM     (1U << 2)
#define AMD_PERF    (1U << 23 | 1U << 24 | 1U << 28) /* core, northbridge, L2 counters */
#define AMD_TOPOEXT (1U << 22)

/* What of KVM's is of use here, Documentation/virt/kvm/x86/cpuid.rst. Others ask for
 * something of user space, or are for hosts that aren't shared. */
#define KVM_USEFUL                                                                  \
	(1U << KVM_FEATURE_CLOCKSOURCE | 1U << KVM_FEATURE_CLOCKSOURCE2 |           \
		1U << KVM_FEATURE_NOP_IO_DELAY | 1U << KVM_FEATURE_ASYNC_PF |       \
		1U << KVM_FEATURE_STEAL_TIME | 1U << KVM_FEATURE_PV_EOI |           \
		1U << KVM_FEATURE_PV_UNHALT | 1U << KVM_FEATURE_PV_TLB_FLUSH |      \
		1U << KVM_FEATURE_ASYNC_PF_VMEXIT | 1U << KVM_FEATURE_PV_SEND_IPI | \
		1U << KVM_FEATURE_PV_SCHED_YIELD | 1U << KVM_FEATURE_ASYNC_PF_INT | \
		1U << KVM_FEATURE_CLOCKSOURCE_STABLE_BIT)

/* The frequency of KVM's APIC timer: a cycle is a nanosecond */
#define APIC_KHZ 1000000U

#define MSR_MISC_ENABLE 0x1a0U
#define MISC_FAST       1U /* fast strings */
#define MSR_MTRR_DEF    0x2ffU
#define MTRR_WRITE_BACK (1U << 11 | 6U) /* on, and all memory is ordinary */

/* Frequencies closer than this are one, measured twice: KVM's own tolerance. */
#define TSC_TOLERANCE_PPM 250U

#define CR0_PE 1U
#define CR0_ET 16U

int cpu_supported(int kvm, struct cpu_features *ret, struct err *e)
{
	ret->head.nent = CPU_ENTRIES_MAX;
	return ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &ret->head) < 0
		? err_sys(e, "ask KVM for its CPUs' features")
		: 0;
}

static unsigned bits_for(unsigned n)
{
	unsigned bits = 0;

	while ((1U << bits) < n)
		bits++;
	return bits;
}

/* The entry of a leaf, made if there is room: with index 0. */
static struct kvm_cpuid_entry2 *leaf(struct cpu_features *f, uint32_t function)
{
	struct kvm_cpuid_entry2 *c;

	for (unsigned i = 0; i < f->head.nent; i++)
		if (f->entry[i].function == function && f->entry[i].index == 0)
			return &f->entry[i];
	if (f->head.nent >= CPU_ENTRIES_MAX)
		return NULL;
	c = &f->entry[f->head.nent++];
	*c = (struct kvm_cpuid_entry2){ .function = function };
	return c;
}

static void drop(struct cpu_features *f, uint32_t function)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->head.nent; i++)
		if (f->entry[i].function != function)
			f->entry[n++] = f->entry[i];
	f->head.nent = n;
}

static void clear(struct kvm_cpuid_entry2 *c)
{
	c->eax = c->ebx = c->ecx = c->edx = 0;
}

/* A cache description, of Intel or AMD: the first two levels are a core's own. */
static void share_cache(struct kvm_cpuid_entry2 *c, unsigned cpus, bool intel)
{
	unsigned level = c->eax >> 5 & 7, sharing = level >= 3 ? cpus - 1 : 0;

	if (!(c->eax & 0x1f))
		return;
	c->eax &= intel ? 0x3fffU : 0xfc003fffU;
	c->eax |= sharing << 14;
	if (intel)
		c->eax |= (cpus - 1) << 26;
}

static void normalise_entry(struct kvm_cpuid_entry2 *c, unsigned id, unsigned cpus)
{
	switch (c->function) {
	case LEAF_FEATURES:
		c->ebx = (c->ebx & 0x0000ffffU) | cpus << 16 | id << 24;
		c->ecx = (c->ecx & ~C1_VMX) | C1_X2APIC | C1_DEADLINE | C1_GUEST;
		c->edx = cpus > 1 ? c->edx | D1_HTT : c->edx & ~D1_HTT;
		break;
	case LEAF_CACHE: share_cache(c, cpus, true); break;
	case LEAF_POWER:
		clear(c);
		c->eax = A6_ARAT;
		break;
	case LEAF_PERF:
	case LEAF_AMD_SVM:
	case LEAF_AMD_PERF: clear(c); break;
	case LEAF_AMD: c->ecx &= ~(AMD_SVM | AMD_PERF); break;
	case LEAF_AMD_SIZES: c->ecx = bits_for(cpus) << 12 | (cpus - 1); break;
	case LEAF_AMD_CACHE: share_cache(c, cpus, false); break;
	case LEAF_AMD_TOPO:
		c->eax = id;
		c->ebx = id; /* a core each, of one thread */
		c->ecx = 0;
		c->edx = 0;
		break;
	case LEAF_KVM:
		c->eax &= KVM_USEFUL;
		c->edx = 0;
		break;
	default: break;
	}
}

static void set_topology(
	struct cpu_features *f, uint32_t function, unsigned id, unsigned cpus)
{
	const struct {
		uint32_t eax, ebx, ecx;
	} level[3] = {
		{ 0, 1, 0x100 }, /* threads of a core */
		{ bits_for(cpus), cpus, 0x201 },
		{ 0, 0, 2 },
	};

	drop(f, function);
	for (unsigned i = 0; i < 3 && f->head.nent < CPU_ENTRIES_MAX; i++)
		f->entry[f->head.nent++] =
			(struct kvm_cpuid_entry2){ .function = function,
				.index = i,
				.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
				.eax = level[i].eax,
				.ebx = level[i].ebx,
				.ecx = level[i].ecx,
				.edx = id };
}

static void set_frequency(struct cpu_features *f, uint32_t basic_max, uint32_t tsc_khz)
{
	struct kvm_cpuid_entry2 *c;

	if (tsc_khz == 0)
		return;
	c = basic_max >= LEAF_TSC ? leaf(f, LEAF_TSC) : NULL;
	if (c) {
		/* the crystal is the APIC timer's clock, and the TSC is ebx / eax of it */
		c->eax = APIC_KHZ;
		c->ebx = tsc_khz;
		c->ecx = APIC_KHZ * 1000U;
		c->edx = 0;
	}
	c = leaf(f, LEAF_TIMING);
	if (!c)
		return;
	clear(c);
	c->eax = tsc_khz;
	c->ebx = APIC_KHZ;
	c = leaf(f, LEAF_HYPERVISOR);
	if (c && c->eax < LEAF_TIMING)
		c->eax = LEAF_TIMING;
}

void cpu_normalise(struct cpu_features *f, unsigned id, unsigned cpus, uint32_t tsc_khz)
{
	struct kvm_cpuid_entry2 *basic = leaf(f, 0);
	uint32_t basic_max = basic ? basic->eax : 0;

	for (unsigned i = 0; i < f->head.nent; i++)
		normalise_entry(&f->entry[i], id, cpus);
	drop(f, LEAF_AMD_TOPO_V2);
	if (basic_max >= LEAF_TOPOLOGY)
		set_topology(f, LEAF_TOPOLOGY, id, cpus);
	if (basic_max >= LEAF_TOPOLOGY_V2)
		set_topology(f, LEAF_TOPOLOGY_V2, id, cpus);
	set_frequency(f, basic_max, tsc_khz);
}

static int set_msrs(int vcpu, struct err *e)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = { .head = { .nmsrs = 2 },
		.entry = { { .index = MSR_MISC_ENABLE, .data = MISC_FAST },
			{ .index = MSR_MTRR_DEF, .data = MTRR_WRITE_BACK } } };

	/* how many were taken; who has no such register does without */
	return ioctl(vcpu, KVM_SET_MSRS, &msrs.head) < 0
		? err_sys(e, "set a CPU's model-specific registers")
		: 0;
}

static int set_entry(int vcpu, const struct load_entry *entry, struct err *e)
{
	const struct kvm_segment data = { .limit = UINT32_MAX,
		.selector = 0x18,
		.type = 3,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1 };
	struct kvm_regs regs = {
		.rip = entry->eip, .rbx = entry->ebx, .rsi = entry->esi, .rflags = 2
	};
	struct kvm_sregs s;

	if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
		return err_sys(e, "read a CPU's registers");
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.cs = data;
	s.cs.selector = 0x10;
	s.cs.type = 11;
	s.tr = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
	s.cr0 = CR0_PE | CR0_ET;
	s.cr4 = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &s) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		return err_sys(e, "set a CPU's registers");
	return 0;
}

uint32_t cpu_tsc_khz(int vcpu)
{
	int khz = ioctl(vcpu, KVM_GET_TSC_KHZ);

	return khz > 0 ? (uint32_t)khz : 0;
}

int cpu_set_tsc_khz(int vcpu, uint32_t khz, struct err *e)
{
	uint32_t now = cpu_tsc_khz(vcpu);
	uint64_t apart = khz > now ? khz - now : now - khz;

	if (!khz || !now || apart <= (uint64_t)khz * TSC_TOLERANCE_PPM / 1000000)
		return 0;
	if (ioctl(vcpu, KVM_SET_TSC_KHZ, khz) < 0)
		return err_set(e, ENOTSUP,
			"its clock ran at %u kHz, and this processor's runs at %u", khz,
			now);
	return 0;
}

int cpu_give(int vcpu, const struct cpu_features *supported, unsigned id, unsigned cpus,
	struct err *e)
{
	struct cpu_features f = *supported;

	cpu_normalise(&f, id, cpus, cpu_tsc_khz(vcpu));
	return ioctl(vcpu, KVM_SET_CPUID2, &f.head) < 0
		? err_sys(e, "give a CPU its features")
		: 0;
}

int cpu_setup(int vcpu, const struct cpu_features *supported, unsigned id, unsigned cpus,
	const struct load_entry *entry, struct err *e)
{
	int r = cpu_give(vcpu, supported, id, cpus, e);

	r = r < 0 ? r : set_msrs(vcpu, e);
	return r == 0 && id == 0 ? set_entry(vcpu, entry, e) : r;
}
