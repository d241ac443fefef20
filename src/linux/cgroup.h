/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - a control group: make it, limit it, look at it, freeze, kill, remove it.
 *
 * Version 2, version 1 and both side by side (cgroups(7)). A group is one directory in
 * each hierarchy that takes part, named .../brig/NAME beneath what the caller may write:
 * for root the top of version 2 and one's own group of version 1, else the topmost group
 * of version 2 that was delegated to the user. Paths are plain strings: a record of them
 * is enough to find and remove the group of a program that died.
 *
 * Moving a running process costs a grace period of RCU, 5 to 20 ms
 * (kernel/cgroup/cgroup.c, cgroup_attach_lock). A process that is born in the group
 * (ns_clone_into() with cgroup_v2_fd()), and one with a single thread that moves itself
 * in version 1 (cgroup_join()), don't pay that.
 */
#ifndef BRIG_LINUX_CGROUP_H
#define BRIG_LINUX_CGROUP_H

#include "linux/cgroup-mounts.h"

#include <stdint.h>
#include <sys/types.h>

struct err;
struct strv;

enum cgroup_layout { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

/* Can it be had here, and if not why, and what can be done. */
struct cgroup_support {
	bool ok;
	char why[160];
	char remedy[256];
};

/* a directory of a hierarchy */
struct cgroup_dir {
	char *path;
	bool v2;
	unsigned has; /* CGROUP_BIT()s of the controllers */
};

struct cgroup_host {
	enum cgroup_layout layout;
	struct cgroup_support support[CGROUP_CONTROLLERS_N];
	bool needs_scope; /* start the program behind cgroup_scope_argv() to get a
			     delegated group */
	struct cgroup_dir base[CGROUP_HIERARCHIES_MAX]; /* where groups go */
	unsigned base_n;
};

/* What control groups this process can make. Changes nothing. */
int cgroup_probe(struct cgroup_host *ret, struct err *e);
void cgroup_host_clear(struct cgroup_host *h);
const char *cgroup_layout_name(enum cgroup_layout layout);

/* The same from what was read, for user 'uid'; 'has_manager': a systemd user manager
 * runs. */
int cgroup_host_of(const struct cgroup_mounts *m, uid_t uid, bool has_manager,
	struct cgroup_host *ret, struct err *e);

/*
 * The words to put in front of a command so that the user's systemd gives it a delegated
 * group: an ordinary session's group is not the user's, and none but systemd may move a
 * process out of it (systemd-run(1), "Control Group APIs and Delegation").
 * The scope is brig-'name'; it must be one that is not there.
 */
int cgroup_scope_argv(struct strv *argv, const char *name);

struct cgroup_limits {
	uint64_t memory;    /* bytes, 0: none */
	uint64_t swap;      /* bytes on top of it; counts with 'memory' alone */
	uint64_t cpu_milli; /* thousandths of a CPU, 0: none, else at least 10 */
	uint64_t pids;      /* processes and threads, 0: none */
};

struct cgroup {
	struct cgroup_dir dir[CGROUP_HIERARCHIES_MAX];
	unsigned n;
};

/*
 * Make group brig/'name' with these limits. A host without any place for groups gives one
 * without directories, unless a limit was asked for.
 *
 * Should:  fail with -EOPNOTSUPP, the reason and the remedy for a limit that can't be
 * enforced, with -EEXIST when it is there, and leave nothing behind.
 */
int cgroup_create(const struct cgroup_host *h, const char *name,
	const struct cgroup_limits *l, struct cgroup *ret, struct err *e);

/* The paths that cgroup_create() would make, to be written down before it does. */
int cgroup_plan(const struct cgroup_host *h, const char *name, struct strv *ret);

/* The group of a record. Paths that are gone are passed over; one whose parent isn't
 * "brig" is -EINVAL. */
int cgroup_open_paths(char *const *paths, struct cgroup *ret, struct err *e);

/* Its paths, for the record. */
int cgroup_paths(const struct cgroup *c, struct strv *ret);
void cgroup_clear(struct cgroup *c);

/* Its directory in version 2 for ns_clone_into(), -ENOENT if it has none. */
int cgroup_v2_fd(const struct cgroup *c, struct err *e);

/* Move this process, which must have one thread; 'born_in_v2' leaves version 2 out. */
int cgroup_join(const struct cgroup *c, bool born_in_v2, struct err *e);

/* Move process 'pid' with its threads. */
int cgroup_add(const struct cgroup *c, pid_t pid, struct err *e);

/* Change limits of a group. */
int cgroup_limit(const struct cgroup *c, const struct cgroup_limits *l, struct err *e);

/* Stop all its processes where they are, and wait until they are; -ETIMEDOUT. Thawing
 * does not wait. */
int cgroup_freeze(const struct cgroup *c, unsigned timeout_ms, struct err *e);
int cgroup_thaw(const struct cgroup *c, struct err *e);

/* Kill all in it and in groups beneath, and wait until they are gone; -ETIMEDOUT. */
int cgroup_kill(const struct cgroup *c, unsigned timeout_ms, struct err *e);

struct cgroup_stats {
	uint64_t memory, memory_peak, memory_limit; /* bytes; 0: unknown, no limit */
	uint64_t cpu_ns;
	uint64_t pids, pids_limit;
	uint64_t oom_kills;
};

/* What it uses; fields that no hierarchy tells are 0. */
int cgroup_stats(const struct cgroup *c, struct cgroup_stats *ret, struct err *e);

/* Remove it and groups beneath; they must be empty or get so in time. Gone is fine. */
int cgroup_remove(const struct cgroup *c, unsigned timeout_ms, struct err *e);

#endif
