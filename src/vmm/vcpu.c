/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A vCPU's thread does nothing but run the guest and answer its exits.
 * It leaves KVM_RUN for anything else only by a kick: immediate_exit is set, which makes the
 * next KVM_RUN return at once, and a signal interrupts one that is under way. That call has
 * also finished whatever access was pending (Documentation/virt/kvm/api.rst, KVM_RUN), so a
 * vCPU at the barrier is between two instructions.
 */
#include "vmm/machine-priv.h"

#include "base/auto.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KICK        SIGUSR1
#define STACK_BYTES (512U << 10) /* of which what is touched counts */

static void on_kick(int signal)
{
	(void)signal;
}

int vcpu_make(struct machine *m, unsigned id, int kvm, struct err *e)
{
	struct vcpu *v = &m->vcpu[id];
	void *run;
	int n;

	*v = (struct vcpu){ .machine = m, .id = id, .fd = -1 };
	n = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (n < (int)sizeof(struct kvm_run))
		return err_set(e, ENOSYS, "KVM doesn't say how large a CPU's state is");
	m->run_bytes = (size_t)n;
	v->fd = ioctl(m->vm, KVM_CREATE_VCPU, id);
	if (v->fd < 0)
		return err_sys(e, "make CPU %u", id);
	(void)fcntl(v->fd, F_SETFD, FD_CLOEXEC);
	run = mmap(NULL, m->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (run == MAP_FAILED)
		return err_sys(e, "map CPU %u's state", id);
	v->run = run;
	return 0;
}

void vcpu_clear(struct vcpu *v)
{
	if (v->run)
		(void)munmap(v->run, v->machine->run_bytes);
	if (v->machine && v->fd >= 0)
		(void)close(v->fd);
	*v = (struct vcpu){ .fd = -1 };
}

void vcpu_kick(struct vcpu *v)
{
	pid_t tid = atomic_load(&v->tid);

	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	/* one that has yet to come to its barrier sees there what is wanted; pthread_kill()
	 * would take two more calls */
	if (tid)
		(void)syscall(SYS_tgkill, v->machine->pid, tid, KICK);
}

/* Wait until the vCPUs are to run. False: they are to end. */
static bool barrier(struct vcpu *v)
{
	struct machine *m = v->machine;
	bool go;

	(void)pthread_mutex_lock(&m->lock);
	m->running--;
	(void)pthread_cond_broadcast(&m->changed);
	/* a machine that has come to its end runs no more, whatever is asked */
	while (m->want != WANT_END &&
		(m->want == WANT_WAIT || atomic_load(&m->end) != MACHINE_RUNS))
		(void)pthread_cond_wait(&m->changed, &m->lock);
	go = m->want == WANT_RUN;
	if (go)
		m->running++;
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	(void)pthread_mutex_unlock(&m->lock);
	/* so that the guest's watchdogs don't take the pause for a CPU that hangs; a guest
	 * without KVM's clock has no use for it (EINVAL) */
	if (go)
		(void)ioctl(v->fd, KVM_KVMCLOCK_CTRL, 0);
	return go;
}

static void on_port(struct vcpu *v)
{
	const struct kvm_run *r = v->run;
	uint8_t *data = (uint8_t *)v->run + r->io.data_offset;

	/* KVM's numbers, and within the page that it shares for them */
	for (uint32_t i = 0; i < r->io.count; i++, data += r->io.size)
		bus_port(v->machine, r->io.port, r->io.direction == KVM_EXIT_IO_OUT, data,
			r->io.size);
}

static void fail(struct vcpu *v, const char *what, uint64_t detail)
{
	struct err e = { 0 };

	(void)err_set(&e, EIO, "CPU %u of the guest can't go on: %s (0x%llx)", v->id,
		what, (unsigned long long)detail);
	machine_fail(v->machine, &e);
}

static void on_exit_of(struct vcpu *v)
{
	struct kvm_run *r = v->run;

	switch (r->exit_reason) {
	case KVM_EXIT_IO: on_port(v); break;
	case KVM_EXIT_MMIO:
		if (r->mmio.len <= sizeof(r->mmio.data))
			bus_mmio(v->machine, r->mmio.phys_addr, r->mmio.is_write,
				r->mmio.data, r->mmio.len);
		break;
	case KVM_EXIT_IOAPIC_EOI: ioapic_end(&v->machine->ioapic, r->eoi.vector); break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_HLT: break;
	case KVM_EXIT_SHUTDOWN: machine_stop(v->machine, MACHINE_RESET); break;
	case KVM_EXIT_FAIL_ENTRY:
		fail(v, "the processor refuses its state",
			r->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		fail(v, "KVM can't run this code", r->internal.suberror);
		break;
	default: fail(v, "KVM left it for a reason unknown", r->exit_reason); break;
	}
}

/* Until it is to stop. */
static void run(struct vcpu *v)
{
	struct machine *m = v->machine;
	struct err e = { 0 };

	for (;;) {
		if (ioctl(v->fd, KVM_RUN, 0) == 0) {
			on_exit_of(v);
			if (atomic_load(&m->end) != MACHINE_RUNS)
				return;
		} else if (errno != EINTR && errno != EAGAIN) {
			(void)err_sys(&e, "run CPU %u of the guest", v->id);
			machine_fail(m, &e);
			return;
		} else if (__atomic_load_n(&v->run->immediate_exit, __ATOMIC_SEQ_CST)) {
			return;
		}
	}
}

static void *vcpu_thread(void *data)
{
	struct vcpu *v = data;
	struct machine *m = v->machine;
	struct err e = { 0 };

	virtio_leave_main();
	atomic_store(&v->tid, gettid());
	if (m->jail && m->jail(&e) < 0)
		machine_fail(m, &e);
	while (barrier(v))
		run(v);
	/* what the C library does at the end of a thread takes calls that a jail lacks */
	if (m->jail)
		(void)syscall(SYS_exit, 0);
	return NULL;
}

int vcpu_start(struct vcpu *v, struct err *e)
{
	/* only KVM_RUN is to be interrupted, not a device's work on files */
	struct sigaction kick = { .sa_handler = on_kick, .sa_flags = SA_RESTART };
	pthread_attr_t attr;
	int r;

	(void)sigemptyset(&kick.sa_mask);
	if (sigaction(KICK, &kick, NULL) < 0)
		return err_sys(e, "set up the CPUs' signal");
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = pthread_create(&v->thread, &attr, vcpu_thread, v);
	(void)pthread_attr_destroy(&attr);
	if (r != 0)
		return err_set(e, r, "make CPU %u's thread: %s", v->id, err_text(r));
	v->started = true;
	return 0;
}
