/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfds.h - processes by descriptor, so that a reused number hits nobody
 * (pidfd_open(2)).
 */
#ifndef BRIG_LINUX_PIDFDS_H
#define BRIG_LINUX_PIDFDS_H

#include <stdint.h>
#include <sys/types.h>

struct err;

/* A pidfd of process 'pid'; -ESRCH when it is gone. */
int pidfd_open_pid(pid_t pid, struct err *e);

/* Send a signal. 0, -ESRCH when the process has ended, or -errno. */
int pidfd_kill(int pidfd, int sig);

/*
 * Wait at most 'timeout_ms' (-1: without end) for a child's end and reap it; its status,
 * as of waitpid(2), goes to 'ret_status' unless that is NULL. 0, -ETIMEDOUT, or -errno
 * (-ECHILD: not our child, or reaped already).
 */
int pidfd_wait(int pidfd, int timeout_ms, int *ret_status);

/* Wait for the end of any process, without reaping. 0, -ETIMEDOUT or -errno. */
int pidfd_wait_gone(int pidfd, int timeout_ms);

/* When the process started, in clock ticks since boot (field 22 of /proc/PID/stat,
 * proc(5)): tells, with the pid, whether a recorded process is still the same one. 0 when
 * it is gone. */
uint64_t pidfd_start_time(pid_t pid);

/*
 * Kill every child of this process, and those that become its children by that (it being a
 * subreaper, PR_SET_CHILD_SUBREAPER), and wait for their end, at most 'wait_ns'. Does
 * nothing where the kernel doesn't list children (CONFIG_PROC_CHILDREN). -ETIMEDOUT.
 */
int pidfd_kill_children(uint64_t wait_ns);

#endif
