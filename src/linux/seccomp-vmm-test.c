/* SPDX-License-Identifier: Apache-2.0 */
/* How many calls the VMM's filters let through, as they are without what sanitizers need. */
#include "linux/seccomp-filter.h"

#include "base/test.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

/* The bounds that doc/decisions/012-microvm.md states. */
#define UNION_MAX 60U
#define VCPU_MAX  12U

#define NUMBERS 1024U /* of calls: far more than there are */

#ifdef __x86_64__
#define HERE AUDIT_ARCH_X86_64
#else
#define HERE AUDIT_ARCH_AARCH64
#endif

/* Is there any way to 'allow' from 'pc' on, whatever the arguments are? */
static bool can_allow(
	const struct seccomp_program *p, unsigned pc, uint32_t nr, bool known, uint32_t a)
{
	for (; pc < p->n; pc++) {
		const struct sock_filter *f = &p->insn[pc];
		bool yes;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			known = f->k < offsetof(struct seccomp_data, args);
			a = f->k == offsetof(struct seccomp_data, nr) ? nr : HERE;
			continue;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; continue;
		case BPF_RET | BPF_K: return f->k == SECCOMP_RET_ALLOW;
		case BPF_JMP | BPF_JA: pc += f->k; continue;
		case BPF_JMP | BPF_JGE | BPF_K: yes = a >= f->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: yes = a == f->k; break;
		default: expect(false); return true;
		}
		if (!known)
			return can_allow(p, pc + 1 + f->jt, nr, known, a) ||
				can_allow(p, pc + 1 + f->jf, nr, known, a);
		pc += yes ? f->jt : f->jf;
	}
	expect(false);
	return true;
}

static bool allows(enum seccomp_vmm which, long nr)
{
	return can_allow(&seccomp_vmms[which], 0, (uint32_t)nr, true, 0);
}

static unsigned count(enum seccomp_vmm which)
{
	unsigned n = 0;

	for (unsigned nr = 0; nr < NUMBERS; nr++)
		n += allows(which, nr);
	return n;
}

TEST(all_threads_together_have_at_most_sixty_calls)
{
	unsigned n = 0;

	for (unsigned nr = 0; nr < NUMBERS; nr++)
		n += allows(SECCOMP_VMM_MAIN, nr) || allows(SECCOMP_VMM_VCPU, nr) ||
			allows(SECCOMP_VMM_MAIN_FILES, nr) ||
			allows(SECCOMP_VMM_VCPU_FILES, nr);
	fprintf(stderr, "# all: %u; main: %u, with files %u; vCPU: %u, with files %u\n",
		n, count(SECCOMP_VMM_MAIN), count(SECCOMP_VMM_MAIN_FILES),
		count(SECCOMP_VMM_VCPU), count(SECCOMP_VMM_VCPU_FILES));
	expect(n <= UNION_MAX && n > VCPU_MAX);
}

TEST(a_cpu_without_files_has_at_most_twelve)
{
	unsigned n = count(SECCOMP_VMM_VCPU);

	expect(n <= VCPU_MAX && n > 0);
	expect(allows(SECCOMP_VMM_VCPU, SYS_ioctl) &&
		allows(SECCOMP_VMM_VCPU, SYS_futex));
}

TEST(no_thread_has_what_makes_or_opens_something_new)
{
	static const long never[] = { SYS_mprotect, SYS_mremap, SYS_execve, SYS_execveat,
		SYS_clone, SYS_clone3, SYS_ptrace, SYS_socket, SYS_connect, SYS_bind,
		SYS_accept4, SYS_openat, SYS_open_by_handle_at, SYS_memfd_create,
		SYS_prctl, SYS_seccomp, SYS_setns, SYS_unshare, SYS_mount, SYS_bpf,
		SYS_io_uring_setup, SYS_userfaultfd, SYS_process_vm_writev, SYS_kill,
		SYS_keyctl, SYS_dup3, SYS_chdir, SYS_fchdir, SYS_umask, SYS_ppoll };

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		for (int w = SECCOMP_VMM_MAIN; w <= SECCOMP_VMM_VCPU_FILES; w++)
			expect(!allows((enum seccomp_vmm)w, never[i]));
	/* the main thread has it for one thing, and not executable: jail-test.c */
	expect(!allows(SECCOMP_VMM_VCPU, SYS_mmap) &&
		!allows(SECCOMP_VMM_VCPU_FILES, SYS_mmap));
	expect(!allows(SECCOMP_VMM_VCPU, SYS_close) &&
		!allows(SECCOMP_VMM_VCPU, SYS_tgkill) &&
		!allows(SECCOMP_VMM_VCPU, SYS_read));
	expect(!allows(SECCOMP_VMM_MAIN, SYS_openat2) &&
		!allows(SECCOMP_VMM_MAIN, SYS_brk));
}

TEST(the_call_tables_of_other_architectures_are_shut)
{
#ifdef __x86_64__
	for (unsigned nr = 0; nr < NUMBERS; nr++)
		expect(!allows(SECCOMP_VMM_MAIN_FILES, 0x40000000L + nr));
#endif
}
