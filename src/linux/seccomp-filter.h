/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp-filter.h - system call filters made when brig is built, put in place when it
 * runs.
 *
 * seccomp-gen.c turns the tables *.inc of this folder into BPF; the running programs link
 * no compiler of filters. A filter stays with the process and all its children, over
 * execve().
 */
#ifndef BRIG_LINUX_SECCOMP_FILTER_H
#define BRIG_LINUX_SECCOMP_FILTER_H

#include <linux/filter.h>

struct err;

struct seccomp_program {
	const char *name;
	const struct sock_filter *insn; /* native byte order: 8 bytes an instruction */
	unsigned short n;
};

/* Docker's default profile for its default capabilities: seccomp-oci.inc. */
extern const struct seccomp_program SECCOMP_OCI_DEFAULT;

/* One program a role of promise.h, in the order of its enum. */
extern const struct seccomp_program seccomp_promises[];

/* What the sentry's kernel may call: seccomp-sentry.inc. */
enum seccomp_sentry {
	SECCOMP_SENTRY_START, /* while it starts */
	SECCOMP_SENTRY_RUN,   /* from its first program on */
	SECCOMP_SENTRY_STRICT_START,
	SECCOMP_SENTRY_STRICT_RUN,
};
extern const struct seccomp_program seccomp_sentries[];

/* What a thread of the VMM may call: seccomp-vmm.inc. */
enum seccomp_vmm {
	SECCOMP_VMM_MAIN,
	SECCOMP_VMM_VCPU,
	SECCOMP_VMM_MAIN_FILES, /* in a VMM that serves a directory */
	SECCOMP_VMM_VCPU_FILES,
};
extern const struct seccomp_program seccomp_vmms[];

/*
 * Filter this thread and what it makes: this process, if it is the only one. Needs
 * no_new_privs (caps_no_new_privs()), or CAP_SYS_ADMIN in the user namespace.
 */
int seccomp_install(const struct seccomp_program *p, struct err *e);

#endif
