/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/machine-priv.h"

#include "base/auto.h"
#include "base/str.h"
#include "vmm/mptable.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#define API_VERSION 12 /* for ever: Documentation/virt/kvm/api.rst, 4.1 */
#define WAKE        UINT64_MAX
#define WATCHED     (UINT64_MAX - 1)
#define EVENTS      16
/* three pages and one that Intel's processors need, where no memory and no device is */
#define TSS_ADDRESS      0xfffbd000ULL
#define IDENTITY_ADDRESS 0xfffbc000ULL

/* --- what the parts call ----------------------------------------------------------------- */

static int send_message(void *data, const struct ioapic_message *msg)
{
	const struct machine *m = data;
	struct kvm_msi msi = { .address_lo = (uint32_t)msg->address,
		.address_hi = (uint32_t)(msg->address >> 32),
		.data = msg->data };

	return ioctl(m->vm, KVM_SIGNAL_MSI, &msi);
}

/* KVM tells of the end of an interrupt where it knows a route to its vector, and only
 * there. Linux has none by levels here (mptable.c), so this is never called for it. */
static void route_messages(void *data, const struct ioapic_message msg[IOAPIC_PINS])
{
	const struct machine *m = data;
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[IOAPIC_PINS];
	} table = { 0 };

	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		if (msg[i].level)
			table.entry[table.head.nr++] = (struct kvm_irq_routing_entry){
				.gsi = i,
				.type = KVM_IRQ_ROUTING_MSI,
				.u.msi = { .address_lo = (uint32_t)msg[i].address,
					.data = msg[i].data },
			};
	(void)ioctl(m->vm, KVM_SET_GSI_ROUTING, &table.head);
}

static void serial_raise(void *data)
{
	struct machine *m = data;

	ioapic_raise(&m->ioapic, SERIAL_IRQ);
}

static void serial_power_off(void *data)
{
	machine_stop(data, MACHINE_OFF);
}

static void slot_raise(void *data, unsigned irq)
{
	struct machine *m = data;

	ioapic_raise(&m->ioapic, irq);
}

static void wake(struct machine *m)
{
	uint64_t one = 1;

	(void)!write(m->wake, &one, sizeof(one));
}

static void device_interrupt(struct virtio_device *d, uint32_t why)
{
	struct slot *s = d->host_data;

	mmio_slot_interrupt(&s->mmio, why);
}

static int device_watch(struct virtio_device *d, int fd, uint32_t events)
{
	struct slot *s = d->host_data;
	struct epoll_event ev = { .events = events, .data.u64 = s->index };
	int epoll = s->machine->epoll;

	if (events == 0)
		return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &ev) < 0 ? -errno : 0;
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &ev) == 0)
		return 0;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void device_later(struct virtio_device *d, unsigned queue)
{
	struct slot *s = d->host_data;

	/* whoever set the bit has woken the main thread, which takes it later than that */
	if (!(atomic_fetch_or(&s->later, 1U << queue) >> queue & 1))
		wake(s->machine);
}

static const struct virtio_host device_host = { device_interrupt, device_watch,
	device_later };

/* --- making ------------------------------------------------------------------------------ */

static int add_memory(struct machine *m, struct err *e)
{
	uint64_t low = memory_low_size(&m->memory), high = memory_high_size(&m->memory);
	struct kvm_userspace_memory_region r = {
		.slot = 0, .memory_size = low, .userspace_addr = (uintptr_t)m->memory.host
	};

	if (ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &r) < 0)
		return err_sys(e, "give the guest its memory");
	if (high == 0)
		return 0;
	r = (struct kvm_userspace_memory_region){ .slot = 1,
		.guest_phys_addr = MEMORY_HIGH_BEGIN,
		.memory_size = high,
		.userspace_addr = (uintptr_t)m->memory.host + low };
	return ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &r) < 0
		? err_sys(e, "give the guest its memory")
		: 0;
}

static int make_vm(struct machine *m, int kvm, struct err *e)
{
	/* the pins are reserved for routes of messages: IOAPIC_PINS */
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP,
		.args = { IOAPIC_PINS } };
	uint64_t identity = IDENTITY_ADDRESS;

	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != API_VERSION)
		return err_set(e, ENOSYS, "this is no KVM whose interface is known");
	m->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (m->vm < 0)
		return err_sys(e, "make a virtual machine");
	(void)fcntl(m->vm, F_SETFD, FD_CLOEXEC);
	if (ioctl(m->vm, KVM_ENABLE_CAP, &split) < 0)
		return err_sys(
			e, "split the interrupt controllers (KVM_CAP_SPLIT_IRQCHIP)");
	/* AMD's have no use for these, and say so or don't */
	(void)ioctl(m->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	(void)ioctl(m->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS);
	return 0;
}

static int make_epoll(struct machine *m, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = WAKE };

	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->epoll < 0 || m->wake < 0 ||
		epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->wake, &ev) < 0)
		return err_sys(e, "make an event loop");
	return 0;
}

static int make(struct machine *m, const struct machine_options *o, struct err *e)
{
	int r = make_epoll(m, e);

	if (r == 0)
		r = o->memory_kind == MACHINE_MEMORY_OWN
			? memory_make(&m->memory, o->memory, e)
			: memory_open(&m->memory, o->memory_fd, o->memory,
				  o->memory_kind == MACHINE_MEMORY_APART, e);
	r = r < 0 ? r : make_vm(m, o->kvm, e);
	r = r < 0 ? r : add_memory(m, e);
	r = r < 0 ? r : cpu_supported(o->kvm, &m->features, e);
	r = r < 0 ? r : cpu_msrs_list(o->kvm, &m->msrs, e);
	if (r == 0)
		m->xsave = cpu_xsave_bytes(m->vm);
	for (unsigned i = 0; r == 0 && i < m->cpus; i++)
		r = vcpu_make(m, i, o->kvm, e);
	return r;
}

int machine_new(struct machine **ret, const struct machine_options *o, struct err *e)
{
	struct machine *m;
	int r;

	if (o->cpus == 0 || o->cpus > MACHINE_CPUS_MAX)
		return err_set(e, EINVAL, "a guest has 1 to %u CPUs", MACHINE_CPUS_MAX);
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	m->vm = m->epoll = m->wake = m->memory.fd = -1;
	m->cpus = o->cpus;
	(void)pthread_mutex_init(&m->lock, NULL);
	(void)pthread_cond_init(&m->changed, NULL);
	ioapic_init(&m->ioapic);
	m->ioapic.send = send_message;
	m->ioapic.route = route_messages;
	m->ioapic.data = m;
	serial_init(&m->serial, o->console);
	m->serial.raise = serial_raise;
	m->serial.power_off = serial_power_off;
	m->serial.data = m;
	r = make(m, o, e);
	if (r < 0) {
		machine_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

static void end_vcpus(struct machine *m)
{
	(void)pthread_mutex_lock(&m->lock);
	m->want = WANT_END;
	for (unsigned i = 0; i < m->cpus; i++)
		if (m->vcpu[i].started)
			vcpu_kick(&m->vcpu[i]);
	(void)pthread_cond_broadcast(&m->changed);
	(void)pthread_mutex_unlock(&m->lock);
	for (unsigned i = 0; i < m->cpus; i++) {
		if (m->vcpu[i].started)
			(void)pthread_join(m->vcpu[i].thread, NULL);
		m->vcpu[i].started = false;
	}
}

static void free_slot(struct slot *s)
{
	struct virtio_device *d = s->mmio.device;

	(void)pthread_mutex_lock(&d->lock);
	virtio_set_status(d, 0);
	(void)pthread_mutex_unlock(&d->lock);
	d->ops->free(d);
	free(s);
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	end_vcpus(m);
	for (unsigned i = 0; i < m->slots_n; i++)
		free_slot(m->slots[i]);
	for (unsigned i = 0; i < m->cpus; i++)
		vcpu_clear(&m->vcpu[i]);
	serial_clear(&m->serial);
	ioapic_clear(&m->ioapic);
	if (m->vm >= 0)
		(void)close(m->vm);
	if (m->epoll >= 0)
		(void)close(m->epoll);
	if (m->wake >= 0)
		(void)close(m->wake);
	memory_clear(&m->memory);
	(void)pthread_cond_destroy(&m->changed);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

int machine_add_device(struct machine *m, struct virtio_device *d, struct err *e)
{
	struct slot *s = m->slots_n < MACHINE_SLOTS_MAX ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		d->ops->free(d);
		return err_set(e, ENOSPC, "the guest can't have more than %u devices",
			MACHINE_SLOTS_MAX);
	}
	s->machine = m;
	s->index = m->slots_n;
	mmio_slot_init(&s->mmio, d);
	s->mmio.irq = MACHINE_IRQ + s->index;
	s->mmio.raise = slot_raise;
	s->mmio.raise_data = m;
	virtio_attach(d, &m->memory, &device_host, s);
	m->slots[m->slots_n++] = s;
	return 0;
}

int machine_load(struct machine *m, const struct load *l, struct err *e)
{
	AUTO(buf_clear) struct buf words = { 0 };
	struct load with = *l;
	struct load_entry entry;
	int r = buf_add_str(&words, l->cmdline);

	for (unsigned i = 0; r == 0 && i < m->slots_n; i++)
		r = buf_addf(&words, " virtio_mmio.device=4K@0x%llx:%u",
			MACHINE_MMIO + (unsigned long long)i * MMIO_SLOT_BYTES,
			m->slots[i]->mmio.irq);
	if (r < 0)
		return err_set(e, -r, "make the guest's command line");
	with.cmdline = words.data;
	r = load_kernel(&with, &m->memory, &entry, e);
	if (r == 0 && mptable_write(&m->memory, LOAD_TABLES, m->cpus) < 0)
		r = err_set(e, EFAULT, "write the guest's table of CPUs");
	for (unsigned i = 0; r == 0 && i < m->cpus; i++)
		r = cpu_setup(m->vcpu[i].fd, &m->features, i, m->cpus, &entry, e);
	return r;
}

int machine_start(struct machine *m, int (*jail)(struct err *e), struct err *e)
{
	int r = 0;

	m->jail = jail;
	m->pid = getpid();
	m->want = WANT_WAIT;
	for (unsigned i = 0; r == 0 && i < m->cpus; i++) {
		m->running++;
		r = vcpu_start(&m->vcpu[i], e);
	}
	return r;
}

/* --- running ----------------------------------------------------------------------------- */

void machine_stop(struct machine *m, enum machine_end end)
{
	int runs = MACHINE_RUNS;

	(void)atomic_compare_exchange_strong(&m->end, &runs, (int)end);
	wake(m);
}

void machine_fail(struct machine *m, const struct err *why)
{
	(void)pthread_mutex_lock(&m->lock);
	if (m->why.code == 0)
		m->why = *why;
	(void)pthread_mutex_unlock(&m->lock);
	machine_stop(m, MACHINE_ERROR);
}

static void do_later(struct machine *m)
{
	uint64_t count;

	(void)!read(m->wake, &count, sizeof(count));
	for (unsigned i = 0; i < m->slots_n; i++) {
		uint32_t queues = atomic_exchange(&m->slots[i]->later, 0);

		virtio_do_later(m->slots[i]->mmio.device, queues);
	}
}

static int serve(struct machine *m, struct err *e)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_pwait(m->epoll, ev, EVENTS, -1, NULL);

	if (n < 0)
		return errno == EINTR ? 0 : err_sys(e, "wait for events");
	for (int i = 0; i < n; i++) {
		if (ev[i].data.u64 == WAKE)
			do_later(m);
		else if (ev[i].data.u64 == WATCHED && m->ready)
			m->ready(m->ready_data);
		else if (ev[i].data.u64 < m->slots_n)
			virtio_ready(m->slots[ev[i].data.u64]->mmio.device, ev[i].events);
	}
	return 0;
}

enum machine_end machine_run(struct machine *m, struct err *e)
{
	machine_resume(m);
	while (atomic_load(&m->end) == MACHINE_RUNS)
		if (serve(m, e) < 0)
			return MACHINE_ERROR;
	end_vcpus(m);
	if (m->why.code && e)
		*e = m->why;
	return (enum machine_end)atomic_load(&m->end);
}

unsigned machine_word(const struct machine *m)
{
	return m->word;
}

void machine_pause(struct machine *m)
{
	(void)pthread_mutex_lock(&m->lock);
	if (m->want == WANT_RUN)
		m->want = WANT_WAIT;
	for (unsigned i = 0; i < m->cpus; i++)
		if (m->vcpu[i].started)
			vcpu_kick(&m->vcpu[i]);
	while (m->running && m->want == WANT_WAIT)
		(void)pthread_cond_wait(&m->changed, &m->lock);
	(void)pthread_mutex_unlock(&m->lock);
}

void machine_resume(struct machine *m)
{
	(void)pthread_mutex_lock(&m->lock);
	if (m->want == WANT_WAIT)
		m->want = WANT_RUN;
	(void)pthread_cond_broadcast(&m->changed);
	(void)pthread_mutex_unlock(&m->lock);
}

bool machine_has_ended(const struct machine *m)
{
	return atomic_load(&m->end) != MACHINE_RUNS;
}

int machine_watch(struct machine *m, int fd, void (*ready)(void *data), void *data)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = WATCHED };

	m->ready = ready;
	m->ready_data = data;
	return epoll_ctl(m->epoll, ready ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &ev) < 0
		? -errno
		: 0;
}

const struct guest_memory *machine_memory(const struct machine *m)
{
	return &m->memory;
}

void machine_flush(struct machine *m)
{
	serial_flush(&m->serial);
}
