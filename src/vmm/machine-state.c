/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine-state.c - a whole machine but its memory, saved and restored (records.h):
 *
 *	MACHINE	u32 CPUs, u64 memory, u32 devices, u32 kHz of the time stamp counter
 *	FEATURES what KVM had for its CPUs where it was made first
 *	CPU	one for each (cpu-state.h)
 *	IOAPIC, SERIAL
 *	SLOT	one for each device: u32 its kind, then its own
 *	CLOCK	u64 what KVM's clock showed: the guest's monotonic time goes on from there
 *
 * The clock comes last, when all is ready to go on.
 */
#include "base/records.h"
#include "vmm/machine-priv.h"

#include "base/auto.h"

#include <string.h>
#include <sys/ioctl.h>

#define MAGIC   0x454e494843414d42ULL /* "BMACHINE" */
#define VERSION 1U

enum tag {
	TAG_MACHINE = 1,
	TAG_FEATURES,
	TAG_CPU,
	TAG_IOAPIC,
	TAG_SERIAL,
	TAG_SLOT,
	TAG_CLOCK,
};

/* --- saving ---------------------------------------------------------------------------------- */

static int save_head(const struct machine *m, struct buf *to)
{
	size_t at;
	int r = records_open(to, TAG_MACHINE, &at);

	r = r < 0 ? r : state_put32(to, m->cpus);
	r = r < 0 ? r : state_put64(to, m->memory.size);
	r = r < 0 ? r : state_put32(to, m->slots_n);
	r = r < 0 ? r : state_put32(to, cpu_tsc_khz(m->vcpu[0].fd));
	if (r < 0)
		return r;
	records_close(to, at);
	r = records_open(to, TAG_FEATURES, &at);
	r = r < 0 ? r : cpu_features_save(&m->features, to);
	if (r == 0)
		records_close(to, at);
	return r;
}

static int save_cpu(struct machine *m, unsigned i, struct buf *to, struct err *e)
{
	size_t at;
	int r = records_open(to, TAG_CPU, &at);

	if (r < 0)
		return err_set(e, -r, "keep a CPU's state: %s", err_text(-r));
	r = cpu_save(m->vcpu[i].fd, &m->msrs, m->xsave, to, e);
	if (r == 0)
		records_close(to, at);
	return r;
}

static int save_clock(const struct machine *m, struct buf *to)
{
	struct kvm_clock_data clock = { 0 };
	size_t at;
	int r;

	if (ioctl(m->vm, KVM_GET_CLOCK, &clock) < 0)
		return -errno;
	r = records_open(to, TAG_CLOCK, &at);
	r = r < 0 ? r : state_put64(to, clock.clock);
	if (r == 0)
		records_close(to, at);
	return r;
}

static int save_chips(struct machine *m, struct buf *to)
{
	size_t at;
	int r = records_open(to, TAG_IOAPIC, &at);

	r = r < 0 ? r : ioapic_save(&m->ioapic, to);
	if (r < 0)
		return r;
	records_close(to, at);
	r = records_open(to, TAG_SERIAL, &at);
	r = r < 0 ? r : serial_save(&m->serial, to);
	if (r == 0)
		records_close(to, at);
	return r;
}

static int save_slot(struct slot *s, struct buf *to, struct err *e)
{
	const struct virtio_ops *ops = s->mmio.device->ops;
	size_t at;
	int r = records_open(to, TAG_SLOT, &at);

	r = r < 0 ? r : state_put32(to, ops->id);
	r = r < 0 ? r : mmio_slot_save(&s->mmio, to);
	if (r < 0)
		return err_set(
			e, -r, "keep the device '%s': %s", ops->name, err_text(-r));
	records_close(to, at);
	return 0;
}

int machine_save(struct machine *m, struct buf *to, struct err *e)
{
	int r = records_begin(to, MAGIC, VERSION);

	if (r == 0)
		r = save_head(m, to);
	if (r < 0)
		return err_set(e, -r, "keep the machine's state: %s", err_text(-r));
	for (unsigned i = 0; r == 0 && i < m->cpus; i++)
		r = save_cpu(m, i, to, e);
	if (r < 0)
		return r;
	r = save_chips(m, to);
	if (r < 0)
		return err_set(e, -r, "keep the machine's state: %s", err_text(-r));
	for (unsigned i = 0; r == 0 && i < m->slots_n; i++)
		r = save_slot(m->slots[i], to, e);
	if (r < 0)
		return r;
	r = save_clock(m, to);
	if (r < 0)
		return err_set(e, -r, "keep the guest's clock: %s", err_text(-r));
	records_end(to);
	return 0;
}

int machine_freeze_memory(struct machine *m, int to, struct err *e)
{
	struct err mine = { 0 };
	int r = memory_freeze(&m->memory, to, &mine);

	if (r == -ENOTRECOVERABLE)
		machine_fail(m, &mine);
	if (r < 0 && e)
		*e = mine;
	return r;
}

/* --- restoring ------------------------------------------------------------------------------- */

static int damaged(struct err *e)
{
	return err_set(e, EBADMSG, "the machine's state is damaged");
}

static int restore_head(
	const struct machine *m, struct span *from, uint32_t *ret_khz, struct err *e)
{
	uint32_t cpus, slots;
	uint64_t memory;
	struct span s;

	if (records_get(from, TAG_MACHINE, &s) < 0 || state_get32(&s, &cpus) < 0 ||
		state_get64(&s, &memory) < 0 || state_get32(&s, &slots) < 0 ||
		state_get32(&s, ret_khz) < 0 || s.left)
		return damaged(e);
	if (cpus != m->cpus || memory != m->memory.size || slots != m->slots_n)
		return err_set(e, ENOTSUP,
			"it was a machine of %u CPUs, %llu bytes and %u devices, and "
			"this one "
			"has %u, %llu and %u",
			cpus, (unsigned long long)memory, slots, m->cpus,
			(unsigned long long)m->memory.size, m->slots_n);
	return 0;
}

static int restore_features(struct machine *m, struct span *from, struct err *e)
{
	auto_free struct cpu_features *f = calloc(1, sizeof(*f));
	struct span s;
	int r;

	if (!f)
		return err_set(e, ENOMEM, "out of memory");
	if (records_get(from, TAG_FEATURES, &s) < 0 || cpu_features_restore(f, &s) < 0)
		return damaged(e);
	r = cpu_compare(&m->features, f, e);
	if (r == 0)
		m->features = *f;
	return r;
}

static int restore_cpu(
	struct machine *m, unsigned i, uint32_t khz, struct span *from, struct err *e)
{
	int fd = m->vcpu[i].fd;
	struct span s;
	int r;

	if (records_get(from, TAG_CPU, &s) < 0)
		return damaged(e);
	r = cpu_set_tsc_khz(fd, khz, e);
	r = r < 0 ? r : cpu_give(fd, &m->features, i, m->cpus, e);
	return r < 0 ? r : cpu_restore(fd, &s, e);
}

static int restore_clock(const struct machine *m, struct span *from, struct err *e)
{
	struct kvm_clock_data clock = { 0 };
	struct span s;
	uint64_t ns;

	if (records_get(from, TAG_CLOCK, &s) < 0 || state_get64(&s, &ns) < 0 || s.left)
		return damaged(e);
	clock.clock = ns;
	return ioctl(m->vm, KVM_SET_CLOCK, &clock) < 0
		? err_sys(e, "set the guest's clock")
		: 0;
}

static int restore_chips(struct machine *m, struct span *from, struct err *e)
{
	struct span s;

	if (records_get(from, TAG_IOAPIC, &s) < 0 || ioapic_restore(&m->ioapic, &s) < 0 ||
		s.left)
		return damaged(e);
	if (records_get(from, TAG_SERIAL, &s) < 0 || serial_restore(&m->serial, &s) < 0 ||
		s.left)
		return damaged(e);
	return 0;
}

static int restore_slot(struct slot *slot, struct span *from, struct err *e)
{
	const struct virtio_ops *ops = slot->mmio.device->ops;
	struct span s;
	uint32_t id;
	int r;

	if (records_get(from, TAG_SLOT, &s) < 0 || state_get32(&s, &id) < 0)
		return damaged(e);
	if (id != ops->id)
		return err_set(e, ENOTSUP, "it had a device of kind %u where '%s' is now",
			id, ops->name);
	r = mmio_slot_restore(&slot->mmio, &s);
	if (r == 0 && s.left)
		r = -EBADMSG;
	return r < 0
		? err_set(e, -r, "restore the device '%s': %s", ops->name, err_text(-r))
		: 0;
}

int machine_restore(struct machine *m, struct span *from, struct err *e)
{
	struct span all;
	uint32_t khz;
	int r = records_check(
		from->at, from->left, MAGIC, VERSION, &all, "the machine's state", e);

	r = r < 0 ? r : restore_head(m, &all, &khz, e);
	r = r < 0 ? r : restore_features(m, &all, e);
	for (unsigned i = 0; r == 0 && i < m->cpus; i++)
		r = restore_cpu(m, i, khz, &all, e);
	r = r < 0 ? r : restore_chips(m, &all, e);
	for (unsigned i = 0; r == 0 && i < m->slots_n; i++)
		r = restore_slot(m->slots[i], &all, e);
	r = r < 0 ? r : restore_clock(m, &all, e);
	if (r == 0 && all.left)
		r = damaged(e);
	if (r == 0)
		*from = (struct span){ 0 };
	return r;
}
