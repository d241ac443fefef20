/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/jail.h"

#include "base/err.h"
#include "linux/seccomp-filter.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define HEAP_STEP (1 << 20)
#define HEAP_KEEP (16 << 20) /* free memory at its end stays: no brk(2) to and fro */

void jail_heap(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_MMAP_MAX, 0);
	(void)mallopt(M_TOP_PAD, HEAP_STEP);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEEP);
}

int jail_process(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(e, "hide from debuggers");
	return 0;
}

int jail_main(bool files, struct err *e)
{
	return seccomp_install(
		&seccomp_vmms[files ? SECCOMP_VMM_MAIN_FILES : SECCOMP_VMM_MAIN], e);
}

int jail_vcpu(struct err *e)
{
	return seccomp_install(&seccomp_vmms[SECCOMP_VMM_VCPU], e);
}

int jail_vcpu_files(struct err *e)
{
	return seccomp_install(&seccomp_vmms[SECCOMP_VMM_VCPU_FILES], e);
}
