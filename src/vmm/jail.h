/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail.h - what a thread of the VMM gives up before the guest runs.
 *
 * The process stands in the container wall's jail when it is executed: namespaces that hold
 * nothing but the sandbox's files, no_new_privs, Landlock. Here come the lists of system
 * calls, linux/seccomp-vmm.inc, one for each sort of thread.
 */
#ifndef BRIG_VMM_JAIL_H
#define BRIG_VMM_JAIL_H

#include <stdbool.h>

struct err;

/*
 * First of all: the heap grows by brk(2) alone, for all threads. So the filters need neither
 * mmap(2) nor mprotect(2), which could make code.
 */
void jail_heap(void);

/* Before any thread is made: no_new_privs, no core file, not to be looked into. */
int jail_process(struct err *e);

/* For the calling thread alone; 'files': the VMM serves a directory. */
int jail_main(bool files, struct err *e);
int jail_vcpu(struct err *e);
int jail_vcpu_files(struct err *e);

#endif
