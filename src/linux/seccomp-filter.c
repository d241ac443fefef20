/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/seccomp-filter.h"

#include "base/err.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_install(const struct seccomp_program *p, struct err *e)
{
	struct sock_fprog prog = {
		.len = p->n,
		.filter = (struct sock_filter *)(uintptr_t)p->insn,
	};

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0)
		return 0;
	err_sys(e, "install the system call filter '%s'", p->name);
	if (errno == EINVAL || errno == ENOSYS)
		err_hint(e, "this kernel is built without CONFIG_SECCOMP_FILTER");
	return e ? -e->code : -errno;
}
