/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - what the probes in C share. A probe ends with 0 when all of it works; the first
 * thing that doesn't is told on standard error, with status 1.
 */
#ifndef PROBE_H
#define PROBE_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void probe_need(bool good, const char *what, int line)
{
	if (good)
		return;
	fprintf(stderr, "line %d: %s: %s\n", line, what, strerror(errno));
	/* not exit(): a child would write what its parent had not */
	_exit(1);
}

/* Or end here, with the words of the condition and of errno. */
#define need(cond) probe_need((cond), #cond, __LINE__)

#endif /* PROBE_H */
