/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/seccomp-filter.h"

#include "base/err.h"
#include "base/test.h"
#include "linux/caps.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the program decides: as the kernel's interpreter would, for the codes we use. */
static uint32_t decide(const struct seccomp_program *p, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < p->n; pc++) {
		const struct sock_filter *f = &p->insn[pc];
		bool yes;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			expect(f->k + 4 <= sizeof(*d) && f->k % 4 == 0);
			memcpy(&a, (const char *)d + f->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; continue;
		case BPF_RET | BPF_K: return f->k;
		case BPF_JMP | BPF_JA: pc += f->k; continue;
		case BPF_JMP | BPF_JGE | BPF_K: yes = a >= f->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: yes = a == f->k; break;
		default: expect(false); return 0;
		}
		pc += yes ? f->jt : f->jf;
	}
	expect(false);
	return 0;
}

static uint32_t oci(uint32_t arch, long nr, uint64_t arg0)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = arch, .args = { arg0 } };

	return decide(&SECCOMP_OCI_DEFAULT, &d);
}

#define REFUSED(code) (SECCOMP_RET_ERRNO | (code))
#define ALLOWED       SECCOMP_RET_ALLOW

#ifdef __x86_64__
#define HERE AUDIT_ARCH_X86_64

TEST(the_table_is_followed_on_x86_64)
{
	expect(oci(HERE, SYS_read, 0) == ALLOWED && oci(HERE, SYS_openat2, 0) == ALLOWED);
	expect(oci(HERE, SYS_ptrace, 0) == ALLOWED &&
		oci(HERE, SYS_chroot, 0) == ALLOWED);
	expect(oci(HERE, 335, 0) == ALLOWED); /* uretprobe */
	static const long refused[] = { SYS_mount, SYS_umount2, SYS_unshare, SYS_setns,
		SYS_bpf, SYS_keyctl, SYS_add_key, SYS_kexec_load, SYS_init_module,
		SYS_reboot, SYS_io_uring_setup, SYS_userfaultfd, SYS_open_by_handle_at,
		SYS_pivot_root, SYS_perf_event_open, SYS_swapon, SYS_iopl,
		SYS_settimeofday, SYS_syslog, SYS_fsopen, SYS_move_mount,
		SYS_mount_setattr, SYS_acct, 336 };

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		expect(oci(HERE, refused[i], 0) == REFUSED(EPERM));
}

TEST(what_is_newer_than_the_table_does_not_exist)
{
	expect(oci(HERE, 452, 0) == ALLOWED);         /* fchmodat2 */
	expect(oci(HERE, 459, 0) == REFUSED(ENOSYS)); /* lsm_get_self_attr */
	expect(oci(HERE, 467, 0) == REFUSED(ENOSYS)); /* open_tree_attr */
	expect(oci(HERE, 5000, 0) == REFUSED(ENOSYS));
	expect(oci(HERE, -1, 0) == REFUSED(ENOSYS));
	expect(oci(HERE, 0x3fffffff, 0) == REFUSED(ENOSYS));
	expect(oci(AUDIT_ARCH_I386, 5000, 0) == REFUSED(ENOSYS));
}

TEST(the_other_call_tables_of_x86_are_filtered_too)
{
	expect(oci(AUDIT_ARCH_I386, 3, 0) == ALLOWED);           /* read */
	expect(oci(AUDIT_ARCH_I386, 21, 0) == REFUSED(EPERM));   /* mount */
	expect(oci(AUDIT_ARCH_I386, 102, 0) == ALLOWED);         /* socketcall */
	expect(oci(AUDIT_ARCH_I386, 359, 40) == REFUSED(EPERM)); /* socket */
	expect(oci(AUDIT_ARCH_I386, 120, CLONE_NEWUSER) == REFUSED(EPERM));
	expect(oci(HERE, 0x40000000, 0) == ALLOWED);              /* x32 read */
	expect(oci(HERE, 0x40000000 + 165, 0) == REFUSED(EPERM)); /* x32 mount */
	expect(oci(HERE, 0x40000000 + 56, CLONE_NEWNS) == REFUSED(EPERM));
	expect(oci(HERE, 0x40000000 + 520, 0) == ALLOWED); /* x32 execve */
	expect(oci(HERE, 0x40000000 + 5000, 0) == REFUSED(ENOSYS));
	expect(oci(AUDIT_ARCH_AARCH64, 63, 0) == SECCOMP_RET_KILL_PROCESS);
}

TEST(arguments_are_looked_at)
{
	expect(oci(HERE, SYS_clone, SIGCHLD) == ALLOWED);
	static const uint64_t flags[] = { CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC,
		CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		expect(oci(HERE, SYS_clone, flags[i] | CLONE_VM) == REFUSED(EPERM));
	expect(oci(HERE, SYS_clone3, 0) == REFUSED(ENOSYS));
	expect(oci(HERE, SYS_socket, AF_INET) == ALLOWED);
	expect(oci(HERE, SYS_socket, AF_XDP) == ALLOWED);
	expect(oci(HERE, SYS_socket, AF_VSOCK) == REFUSED(EPERM));
	expect(oci(HERE, SYS_socket, AF_ALG) == REFUSED(EPERM));
	/* the kernel looks at 32 bits of the family; so does the filter */
	expect(oci(HERE, SYS_socket, (1ULL << 32) | AF_VSOCK) == REFUSED(EPERM));
	expect(oci(HERE, SYS_socket, (1ULL << 32) | AF_INET) == ALLOWED);
	expect(oci(HERE, SYS_personality, PER_LINUX) == ALLOWED);
	expect(oci(HERE, SYS_personality, 0xffffffff) == ALLOWED);
	expect(oci(HERE, SYS_personality, ADDR_NO_RANDOMIZE) == REFUSED(EPERM));
}
#endif

/* Run 'body' in a child under the filter; its exit status. */
static int filtered(int (*body)(void))
{
	struct err e = { 0 };
	pid_t pid = fork();
	int status;

	expect(pid >= 0);
	if (pid == 0) {
		if (caps_no_new_privs(&e) < 0 ||
			seccomp_install(&SECCOMP_OCI_DEFAULT, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			_exit(99);
		}
		_exit(body());
	}
	expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int allowed_calls(void)
{
	int status, fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid = fork();

	if (pid == 0)
		_exit(5);
	if (fd < 0 || pid < 0 || waitpid(pid, &status, 0) != pid ||
		WEXITSTATUS(status) != 5)
		return 1;
	pid = vfork();
	if (pid == 0) {
		(void)execl("/bin/true", "true", NULL);
		_exit(9);
	}
	return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0 ? 0 : 2;
}

static int forbidden_calls(void)
{
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		return 1;
	if (syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL) == 0 || errno != EPERM)
		return 2;
	if (syscall(SYS_clone3, NULL, 0) == 0 || errno != ENOSYS)
		return 3;
	if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) >= 0 ||
		errno != EPERM)
		return 4;
	if (socket(AF_VSOCK, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return 5;
	if (syscall(SYS_keyctl, 0, 0, 0, 0, 0) >= 0 || errno != EPERM)
		return 6;
	return syscall(5000) < 0 && errno == ENOSYS ? 0 : 7;
}

TEST(ordinary_programs_run_under_the_filter)
{
	expect(filtered(allowed_calls) == 0);
}

TEST(the_kernel_refuses_what_the_filter_forbids)
{
	expect(filtered(forbidden_calls) == 0);
}
