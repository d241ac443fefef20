/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/prove.h"

#include "base/auto.h"
#include "base/err.h"
#include "vmm/cpu.h"

#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

/* Guest-physical, in one slot at 0. */
#define TABLES_A 0x1000U /* four levels, a page each */
#define TABLES_B 0x5000U
#define MARK_A   0x9000U
#define MARK_B   0xa000U
#define CODE     0xb000U
#define MEMORY   0x10000U
/* Where the marks are seen: in the same tables as the code, one page each. */
#define MARK_AT 0x9000U

#define PORT     0x10U
#define TRIES    3
#define LIMIT_NS 200000000L

#define PRESENT_WRITABLE 3U
#define CR0_PE_ET_PG     0x80000011ULL
#define CR4_PAE          0x20ULL
#define EFER_LME_LMA     0x500ULL
#define RFLAGS_ONE       2ULL

/* count = 250000; cr3 = TABLES_B; do count--; while (count); out PORT, *MARK_AT; hlt */
static const uint8_t code[] = { 0x48, 0xc7, 0xc1, 0x90, 0xd0, 0x03, 0x00, 0x48, 0xc7,
	0xc0, TABLES_B & 0xff, TABLES_B >> 8, 0, 0, 0x0f, 0x22, 0xd8, 0x48, 0xff, 0xc9,
	0x75, 0xfb, 0x48, 0xc7, 0xc3, MARK_AT & 0xff, MARK_AT >> 8, 0, 0, 0x8a, 0x03,
	0xe6, PORT, 0xf4 };

/* The first 64 KiB are seen where they are, but that MARK_AT shows the page 'mark'. */
static void make_tables(uint8_t *memory, unsigned at, unsigned mark)
{
	uint64_t *level[4];

	for (unsigned i = 0; i < 4; i++)
		level[i] = (uint64_t *)(void *)(memory + at + i * 0x1000U);
	for (unsigned i = 0; i < 3; i++)
		level[i][0] = (at + (i + 1) * 0x1000U) | PRESENT_WRITABLE;
	for (unsigned i = 0; i < MEMORY >> 12; i++)
		level[3][i] = (uint64_t)i << 12 | PRESENT_WRITABLE;
	level[3][MARK_AT >> 12] = mark | PRESENT_WRITABLE;
}

static int set_registers(int vcpu)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = RFLAGS_ONE };
	struct kvm_sregs s;
	struct kvm_segment flat = { .limit = 0xffffffff,
		.selector = 8,
		.type = 11,
		.present = 1,
		.s = 1,
		.l = 1,
		.g = 1 };

	if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
		return -errno;
	s.cs = flat;
	flat.type = 3;
	flat.l = 0;
	flat.db = 1;
	flat.selector = 16;
	s.ds = s.es = s.fs = s.gs = s.ss = flat;
	s.cr0 = CR0_PE_ET_PG;
	s.cr3 = TABLES_A;
	s.cr4 = CR4_PAE;
	s.efer = EFER_LME_LMA;
	if (ioctl(vcpu, KVM_SET_SREGS, &s) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* KVM_RUN for LIMIT_NS at most: 0, or why it ended. */
static int run(int vcpu)
{
	const struct itimerspec once = { .it_value = { .tv_nsec = LIMIT_NS },
		.it_interval = { .tv_nsec = LIMIT_NS } };
	const struct sigaction quiet = { .sa_handler = on_alarm };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct sigaction before;
	timer_t timer;
	int r;

	if (sigaction(SIGALRM, &quiet, &before) < 0)
		return -errno;
	r = timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ? -errno : 0;
	if (r == 0) {
		(void)timer_settime(timer, 0, &once, NULL);
		r = ioctl(vcpu, KVM_RUN, 0) < 0 ? -errno : 0;
		(void)timer_delete(timer);
	}
	(void)sigaction(SIGALRM, &before, NULL);
	return r;
}

static int useless(struct err *e, const char *what)
{
	(void)err_set(e, EOPNOTSUPP, "'/dev/kvm' runs no Linux: %s", what);
	err_hint(e,
		"this machine lacks the processor's virtualisation: --wall sentry needs "
		"none");
	return -EOPNOTSUPP;
}

static int judge(int vcpu, const struct kvm_run *state, struct err *e)
{
	int r = -EINTR;

	/* a machine that is busy may be slow as well, but not each time */
	for (unsigned i = 0; i < TRIES && r == -EINTR; i++) {
		if (set_registers(vcpu) < 0)
			return useless(e, "it refuses the registers of 64-bit code");
		r = run(vcpu);
	}
	if (r == -EINTR)
		return useless(e, "code is emulated there, a thousand times too slow");
	if (r < 0)
		return useless(e, strerror(-r));
	if (state->exit_reason != KVM_EXIT_IO || state->io.port != PORT)
		return useless(e, "64-bit code doesn't run to its end");
	if (*((const uint8_t *)state + state->io.data_offset) != 'B')
		return useless(e, "another page table doesn't take effect");
	return 0;
}

static int with_vcpu(int kvm, int vcpu, struct err *e)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *state;
	int r;

	if (size < (int)sizeof(*state))
		return useless(e, "its interface is unknown");
	state = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (state == MAP_FAILED)
		return err_sys(e, "map a vCPU's state");
	r = judge(vcpu, state, e);
	(void)munmap(state, (size_t)size);
	return r;
}

static int with_memory(int kvm, uint8_t *memory, struct err *e)
{
	const struct kvm_userspace_memory_region slot = { .memory_size = MEMORY,
		.userspace_addr = (uintptr_t)memory };
	auto_fd int vm = -1, vcpu = -1;
	struct cpu_features features;
	int r;

	make_tables(memory, TABLES_A, MARK_A);
	make_tables(memory, TABLES_B, MARK_B);
	memory[MARK_A] = 'A';
	memory[MARK_B] = 'B';
	memcpy(memory + CODE, code, sizeof(code));
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return err_sys(e, "make a virtual machine");
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return err_sys(e, "give a virtual machine memory");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return err_sys(e, "make a vCPU");
	/* without features it has no 64-bit mode */
	r = cpu_supported(kvm, &features, e);
	if (r < 0)
		return r;
	if (ioctl(vcpu, KVM_SET_CPUID2, &features.head) < 0)
		return err_sys(e, "give a vCPU its features");
	return with_vcpu(kvm, vcpu, e);
}

int vmm_prove(int kvm, struct err *e)
{
	uint8_t *memory;
	int r;

	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return useless(e, "it doesn't speak KVM's interface");
	memory = mmap(
		NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return err_sys(e, "take memory");
	r = with_memory(kvm, memory, e);
	(void)munmap(memory, MEMORY);
	return r;
}
