/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procs.h - every process that the warder answers for: count, signal, kill.
 *
 * As PID 1 of a namespace that is everyone but itself, and the kernel signals them in
 * one step. As a subreaper it is its descendants, found by walking /proc; a number that
 * was reused meanwhile is never signalled (pidfd first, then the start time again).
 */
#ifndef BRIG_GUEST_PROCS_H
#define BRIG_GUEST_PROCS_H

#include <stdbool.h>

struct guest_stats;

struct procs {
	int proc; /* O_PATH descriptor of /proc, taken before anything hostile ran; or -1
		   */
	bool reaper;
};

/* Send 'sig' to all of them. 0 (also when there are none) or -errno. */
int procs_signal(const struct procs *p, int sig);

/*
 * Kill all of them and reap.
 *
 * Should:  win against a process that forks meanwhile, and give up after some seconds.
 */
void procs_kill(const struct procs *p);

/* Processes, threads, memory and processor time of the living. */
void procs_stats(const struct procs *p, struct guest_stats *ret);

#endif
