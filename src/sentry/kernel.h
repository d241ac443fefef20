/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.h - the command line of the sentry's kernel, and becoming it.
 *
 * user-mode Linux with brig's patches (kernel/patches/uml, doc/kernels.md). Everything it has
 * it inherits as descriptors; it opens nothing by itself.
 */
#ifndef BRIG_SENTRY_KERNEL_H
#define BRIG_SENTRY_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct err;

#define SENTRY_CPUS_MAX 32

/* All descriptors stay the caller's. */
struct sentry_kernel {
	int program;   /* the kernel, opened with O_PATH */
	int initramfs; /* linux/initramfs.h: boot/boot.c and the warder */
	int root;      /* the directory that is the guest's root */
	int stream;    /* a stream socket, the warder's */
	int net;       /* a packet socket (linux/gatens.h), or -1 */
	int filter; /* the list of calls for after the start, as struct sock_filter[], or -1 */
	int console; /* where it complains, or -1 */
	const char *hostname;
	uint64_t memory; /* bytes */
	unsigned cpus;   /* 1 to SENTRY_CPUS_MAX */
	uint64_t pids;   /* processes and threads of the guest; 0: any number */
	bool strict;     /* trace programs instead of trapping in them */
};

/* How much memory and how many CPUs a guest has whose user asked for neither. */
uint64_t sentry_default_memory(void);
unsigned sentry_default_cpus(void);

/* Become it. Returns only when that fails. */
int sentry_kernel_exec(const struct sentry_kernel *k, struct err *e);

#endif
