/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup-mounts.h - where this process's control groups are in the file system: a reader
 * of /proc/self/mountinfo and /proc/self/cgroup (proc(5), cgroups(7)).
 */
#ifndef BRIG_LINUX_CGROUP_MOUNTS_H
#define BRIG_LINUX_CGROUP_MOUNTS_H

#include "base/auto.h"

#include <stdbool.h>

struct err;

enum cgroup_controller {
	CGROUP_MEMORY,
	CGROUP_CPU,
	CGROUP_CPUACCT,
	CGROUP_PIDS,
	CGROUP_FREEZER,
	CGROUP_CONTROLLERS_N
};
#define CGROUP_BIT(c) (1U << (c))

/* The bits of names separated by any of 'seps'; unknown names are passed over. */
unsigned cgroup_controllers_of(const char *names, const char *seps);

#define CGROUP_HIERARCHIES_MAX 8

struct cgroup_hierarchy {
	char *mount; /* mount point */
	char *root;  /* what of the hierarchy is mounted there */
	char *own;   /* directory of this process's own group, NULL when not visible */
	bool v2;
	unsigned has; /* version 1: CGROUP_BIT()s; version 2: 0, ask cgroup.controllers */
};

struct cgroup_mounts {
	struct cgroup_hierarchy h[CGROUP_HIERARCHIES_MAX];
	unsigned n;
};

/*
 * Read the two texts. Hierarchies without a controller we use (devices, name=systemd,
 * ...) are left out, as is a second mount of the same one.
 */
int cgroup_mounts_parse(const char *mountinfo, const char *cgroup,
	struct cgroup_mounts *ret, struct err *e);

/* The same for the running process. */
int cgroup_mounts_read(struct cgroup_mounts *ret, struct err *e);

void cgroup_mounts_clear(struct cgroup_mounts *m);

#endif
