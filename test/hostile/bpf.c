/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: bpf(): load a program into the kernel.
 * Gain: the kernel's verifier has been the way in more than once.
 * Expect: chroot=any nspawn=any container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: capabilities
 * Layer container: filter of system calls
 *
 * For the weaker walls it hangs on the host's kernel.unprivileged_bpf_disabled.
 */
#include "hostile.h"

#include <linux/bpf.h>

int main(void)
{
	/* r0 = 0; exit */
	struct bpf_insn code[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = 2,
		.insns = (uintptr_t)code,
		.license = (uintptr_t) "GPL" };

	if (syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)) >= 0)
		escaped("loaded a program into the kernel");
	failed("bpf");
}
