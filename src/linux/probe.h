/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - what this host's kernel and set-up give the caller, found out by trying.
 *
 * Each probe is a row of one table. It runs in a child of its own, so that it may enter
 * namespaces or be killed, for at most ten seconds; it leaves nothing behind.
 */
#ifndef BRIG_LINUX_PROBE_H
#define BRIG_LINUX_PROBE_H

#include <stddef.h>

enum probe_state {
	PROBE_OK,
	PROBE_DEGRADED, /* brig works with less */
	PROBE_MISSING,  /* some walls don't work */
};

struct probe_result {
	enum probe_state state;
	char detail[256]; /* what was found: "overlayfs on ext4" */
	char remedy[256]; /* what the person can do; empty when there is nothing to do */
};

struct probe {
	const char *name; /* "user-namespaces" */
	const char *what; /* what it is good for, in half a line */
	void (*run)(struct probe_result *r);
};

/* The table; ends with a NULL name. */
extern const struct probe probes[];

/* Run one. 0, or -errno when not even a child could be had. */
int probe_run(const struct probe *p, struct probe_result *r);

/* By name, NULL. */
const struct probe *probe_find(const char *name);

/* "ok", "degraded", "missing" */
const char *probe_state_name(enum probe_state state);

#endif
