/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A vCPU is a row of KVM's structures, each as KVM gives it, in a record of
 * its own. What depends on what (Documentation/virt/kvm/api.rst, and what other monitors found
 * out):
 *
 *	saving		MP_STATE first, as reading it takes in INIT and SIPI that are under way;
 *			VCPU_EVENTS last, as others change it
 *	restoring	after its features, which decide what else is there; MP_STATE; SREGS before
 *			LAPIC, whose base is in it; the LAPIC before the MSRs, of which
 *			some are its timer's; VCPU_EVENTS last
 *	MSRs		the TSC before its deadline
 */
#include "vmm/cpu-state.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/records.h"

#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSR_TSC_DEADLINE 0x6e0U

enum tag {
	TAG_MP_STATE = 1,
	TAG_REGS,
	TAG_SREGS,
	TAG_XSAVE,
	TAG_XCRS,
	TAG_DEBUGREGS,
	TAG_LAPIC,
	TAG_MSRS,
	TAG_EVENTS,
};

/* CPUID leaves whose bits are features, and which of the registers are: a, b, c, d. What the
 * hypervisor says of the machine itself (APIC ids, counts) is in others. */
static const struct {
	uint32_t function, index;
	bool a, b, c, d;
} feature_leaves[] = {
	{ 0x1, 0, false, false, true, true },
	{ 0x7, 0, false, true, true, true },
	{ 0x7, 1, true, true, true, true },
	{ 0x7, 2, false, false, false, true },
	{ 0xd, 0, true, false, false, true }, /* states that XCR0 may have */
	{ 0xd, 1, true, false, false, false },
	{ 0x40000001, 0, true, false, false, false },
	{ 0x80000001, 0, false, false, true, true },
	{ 0x80000008, 0, false, true, false, false },
	{ 0x80000021, 0, true, false, false, false },
};

#define SIGNATURE 0x0fff3fffU /* leaf 1: family, model, stepping */

int cpu_msrs_list(int kvm, struct cpu_msrs *ret, struct err *e)
{
	ret->head.nmsrs = CPU_MSRS_MAX;
	return ioctl(kvm, KVM_GET_MSR_INDEX_LIST, &ret->head) < 0
		? err_sys(e, "ask KVM for its CPUs' registers")
		: 0;
}

/* --- processors ------------------------------------------------------------------------------ */

static const struct kvm_cpuid_entry2 *leaf(
	const struct cpu_features *f, uint32_t function, uint32_t index)
{
	for (unsigned i = 0; i < f->head.nent; i++)
		if (f->entry[i].function == function && f->entry[i].index == index)
			return &f->entry[i];
	return NULL;
}

static const struct kvm_cpuid_entry2 *leaf_or_none(
	const struct cpu_features *f, uint32_t function, uint32_t index)
{
	static const struct kvm_cpuid_entry2 none;
	const struct kvm_cpuid_entry2 *c = leaf(f, function, index);

	return c ? c : &none;
}

static void vendor(const struct kvm_cpuid_entry2 *c, char ret[13])
{
	memcpy(ret, &c->ebx, 4);
	memcpy(ret + 4, &c->edx, 4);
	memcpy(ret + 8, &c->ecx, 4);
	ret[12] = '\0';
	for (char *p = ret; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

int cpu_compare(
	const struct cpu_features *have, const struct cpu_features *saved, struct err *e)
{
	const struct kvm_cpuid_entry2 *h = leaf_or_none(have, 0, 0),
				      *s = leaf_or_none(saved, 0, 0);
	uint32_t mine = leaf_or_none(have, 1, 0)->eax & SIGNATURE,
		 its = leaf_or_none(saved, 1, 0)->eax & SIGNATURE;
	char hv[13], sv[13];

	vendor(h, hv);
	vendor(s, sv);
	if (strcmp(hv, sv) != 0 || mine != its) {
		(void)err_set(e, ENOTSUP,
			"it was made on another processor (%s %#x), and this one is %s "
			"%#x",
			sv, its, hv, mine);
		err_hint(e, "restore it on a machine of that kind");
		return -ENOTSUP;
	}
	for (size_t i = 0; i < sizeof(feature_leaves) / sizeof(*feature_leaves); i++) {
		uint32_t lacks = 0, f = feature_leaves[i].function;

		h = leaf_or_none(have, f, feature_leaves[i].index);
		s = leaf_or_none(saved, f, feature_leaves[i].index);
		lacks |= feature_leaves[i].a ? s->eax & ~h->eax : 0;
		lacks |= feature_leaves[i].b ? s->ebx & ~h->ebx : 0;
		lacks |= feature_leaves[i].c ? s->ecx & ~h->ecx : 0;
		lacks |= feature_leaves[i].d ? s->edx & ~h->edx : 0;
		if (!lacks)
			continue;
		(void)err_set(e, ENOTSUP,
			"the processor, or KVM on it, lacks features that it was made "
			"with (leaf %#x: %#x)",
			f, lacks);
		err_hint(e, "restore it with the host's kernel that it was made on");
		return -ENOTSUP;
	}
	return 0;
}

int cpu_features_save(const struct cpu_features *f, struct buf *to)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < f->head.nent; i++)
		r = state_put_bytes(to, &f->entry[i], sizeof(f->entry[i]));
	return r;
}

int cpu_features_restore(struct cpu_features *ret, struct span *from)
{
	size_t n = from->left;

	if (!n || n % sizeof(ret->entry[0]) || n > sizeof(ret->entry))
		return -EBADMSG;
	ret->head = (struct kvm_cpuid2){ .nent = (uint32_t)(n / sizeof(ret->entry[0])) };
	return state_get_bytes(from, ret->entry, n);
}

/* --- saving ---------------------------------------------------------------------------------- */

static int save_struct(
	int vcpu, unsigned long get, uint32_t tag, struct buf *to, size_t n)
{
	auto_free void *s = calloc(1, n);

	if (!s)
		return -ENOMEM;
	if (ioctl(vcpu, get, s) < 0)
		return -errno;
	return records_put(to, tag, s, n);
}

size_t cpu_xsave_bytes(int vm)
{
	int n = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

	return n > (int)sizeof(struct kvm_xsave) ? (size_t)n : sizeof(struct kvm_xsave);
}

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[CPU_MSRS_MAX];
};

/* KVM stops at the first one that it lists and the CPU hasn't. */
static int read_msrs(int vcpu, const struct cpu_msrs *list, struct msrs *ret)
{
	auto_free struct msrs *part = calloc(1, sizeof(*part));
	unsigned at = 0, n = 0;

	if (!part)
		return -ENOMEM;
	while (at < list->head.nmsrs) {
		int got;

		part->head.nmsrs = list->head.nmsrs - at;
		for (unsigned i = 0; i < part->head.nmsrs; i++)
			part->entry[i] =
				(struct kvm_msr_entry){ .index = list->index[at + i] };
		got = ioctl(vcpu, KVM_GET_MSRS, &part->head);
		if (got < 0)
			return -errno;
		if ((unsigned)got > part->head.nmsrs)
			return -EPROTO;
		memcpy(&ret->entry[n], part->entry,
			(unsigned)got * sizeof(part->entry[0]));
		n += (unsigned)got;
		at += (unsigned)got + 1;
	}
	ret->head.nmsrs = n;
	return 0;
}

static int save_msrs(int vcpu, const struct cpu_msrs *list, struct buf *to)
{
	auto_free struct msrs *m = calloc(1, sizeof(*m));
	size_t at;
	int r = m ? read_msrs(vcpu, list, m) : -ENOMEM;

	r = r < 0 ? r : records_open(to, TAG_MSRS, &at);
	for (unsigned i = 0; r == 0 && i < m->head.nmsrs; i++) {
		r = state_put32(to, m->entry[i].index);
		r = r < 0 ? r : state_put64(to, m->entry[i].data);
	}
	if (r == 0)
		records_close(to, at);
	return r;
}

int cpu_save(int vcpu, const struct cpu_msrs *msrs, size_t xsave, struct buf *to,
	struct err *e)
{
	int r = 0;

#define SAVE(get, tag, type) \
	(r = r < 0 ? r : save_struct(vcpu, get, tag, to, sizeof(struct type)))
	SAVE(KVM_GET_MP_STATE, TAG_MP_STATE, kvm_mp_state);
	SAVE(KVM_GET_REGS, TAG_REGS, kvm_regs);
	SAVE(KVM_GET_SREGS, TAG_SREGS, kvm_sregs);
	if (r == 0)
		r = save_struct(vcpu,
			xsave > sizeof(struct kvm_xsave) ? KVM_GET_XSAVE2 : KVM_GET_XSAVE,
			TAG_XSAVE, to, xsave);
	SAVE(KVM_GET_XCRS, TAG_XCRS, kvm_xcrs);
	SAVE(KVM_GET_DEBUGREGS, TAG_DEBUGREGS, kvm_debugregs);
	SAVE(KVM_GET_LAPIC, TAG_LAPIC, kvm_lapic_state);
	r = r < 0 ? r : save_msrs(vcpu, msrs, to);
	SAVE(KVM_GET_VCPU_EVENTS, TAG_EVENTS, kvm_vcpu_events);
#undef SAVE
	return r < 0 ? err_set(e, -r, "read a CPU's state: %s", err_text(-r)) : 0;
}

/* --- restoring ------------------------------------------------------------------------------- */

static int damaged(struct err *e)
{
	return err_set(e, EBADMSG, "the state of a CPU in it is none");
}

static int restore_struct(int vcpu, unsigned long set, uint32_t tag, struct span *from,
	size_t n, struct err *e)
{
	auto_free void *s = calloc(1, n);
	struct span got;

	if (!s)
		return err_set(e, ENOMEM, "out of memory");
	if (records_get(from, tag, &got) < 0 || got.left != n ||
		state_get_bytes(&got, s, n) < 0)
		return damaged(e);
	return ioctl(vcpu, set, s) < 0
		? err_sys(e, "set a CPU's state (%#lx)", set & 0xffff)
		: 0;
}

static int restore_xsave(int vcpu, struct span *from, struct err *e)
{
	struct span got, again = *from;

	if (records_get(&again, TAG_XSAVE, &got) < 0 ||
		got.left < sizeof(struct kvm_xsave))
		return damaged(e);
	/* KVM reads what its own size of this state is (KVM_CAP_XSAVE2), which goes by features
	 * that were compared; so zeros follow what there is */
	auto_free uint8_t *s = calloc(1, got.left + (64U << 10));

	if (!s)
		return err_set(e, ENOMEM, "out of memory");
	(void)state_get_bytes(&got, s, got.left);
	*from = again;
	return ioctl(vcpu, KVM_SET_XSAVE, s) < 0
		? err_sys(e, "set a CPU's vector registers")
		: 0;
}

/* A processor without XSAVE has none, and KVM refuses none. */
static int restore_xcrs(int vcpu, struct span *from, struct err *e)
{
	struct kvm_xcrs x;
	struct span got;

	if (records_get(from, TAG_XCRS, &got) < 0 || got.left != sizeof(x) ||
		state_get_bytes(&got, &x, sizeof(x)) < 0)
		return damaged(e);
	return x.nr_xcrs && ioctl(vcpu, KVM_SET_XCRS, &x) < 0
		? err_sys(e, "set a CPU's extended control registers")
		: 0;
}

static int set_msr(int vcpu, const struct kvm_msr_entry *want, struct err *e)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one = { .head = { .nmsrs = 1 }, .entry = *want };

	if (ioctl(vcpu, KVM_SET_MSRS, &one.head) == 1)
		return 0;
	/* some can only be read: then it has to be what it is */
	if (ioctl(vcpu, KVM_GET_MSRS, &one.head) == 1 && one.entry.data == want->data)
		return 0;
	return err_set(e, ENOTSUP,
		"the processor's register %#x doesn't take what it held", want->index);
}

static int set_msrs(int vcpu, const struct msrs *m, struct err *e)
{
	auto_free struct msrs *part = calloc(1, sizeof(*part));
	unsigned at = 0;

	if (!part)
		return err_set(e, ENOMEM, "out of memory");
	while (at < m->head.nmsrs) {
		int got, r;

		part->head.nmsrs = m->head.nmsrs - at;
		memcpy(part->entry, &m->entry[at],
			part->head.nmsrs * sizeof(m->entry[0]));
		got = ioctl(vcpu, KVM_SET_MSRS, &part->head);
		if (got < 0)
			return err_sys(e, "set a CPU's registers");
		at += (unsigned)got;
		r = at < m->head.nmsrs ? set_msr(vcpu, &m->entry[at++], e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* The deadline goes last, behind the TSC that it is measured by. */
static int parse_msrs(struct span got, struct msrs *m)
{
	struct kvm_msr_entry deadline = { 0 };
	unsigned n = 0;

	while (got.left) {
		struct kvm_msr_entry one = { 0 };
		uint64_t data;

		if (n + 1 >= CPU_MSRS_MAX || state_get32(&got, &one.index) < 0 ||
			state_get64(&got, &data) < 0)
			return -EBADMSG;
		one.data = data;
		if (one.index == MSR_TSC_DEADLINE)
			deadline = one;
		else
			m->entry[n++] = one;
	}
	if (deadline.index)
		m->entry[n++] = deadline;
	m->head.nmsrs = n;
	return 0;
}

static int restore_msrs(int vcpu, struct span *from, struct err *e)
{
	auto_free struct msrs *m = calloc(1, sizeof(*m));
	struct span got;

	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	if (records_get(from, TAG_MSRS, &got) < 0 || parse_msrs(got, m) < 0)
		return damaged(e);
	return set_msrs(vcpu, m, e);
}

int cpu_restore(int vcpu, struct span *from, struct err *e)
{
	int r = 0;

#define RESTORE(set, tag, type) \
	(r = r < 0 ? r : restore_struct(vcpu, set, tag, from, sizeof(struct type), e))
	RESTORE(KVM_SET_MP_STATE, TAG_MP_STATE, kvm_mp_state);
	RESTORE(KVM_SET_REGS, TAG_REGS, kvm_regs);
	RESTORE(KVM_SET_SREGS, TAG_SREGS, kvm_sregs);
	r = r < 0 ? r : restore_xsave(vcpu, from, e);
	r = r < 0 ? r : restore_xcrs(vcpu, from, e);
	RESTORE(KVM_SET_DEBUGREGS, TAG_DEBUGREGS, kvm_debugregs);
	RESTORE(KVM_SET_LAPIC, TAG_LAPIC, kvm_lapic_state);
	r = r < 0 ? r : restore_msrs(vcpu, from, e);
	RESTORE(KVM_SET_VCPU_EVENTS, TAG_EVENTS, kvm_vcpu_events);
#undef RESTORE
	return r == 0 && from->left ? damaged(e) : r;
}
