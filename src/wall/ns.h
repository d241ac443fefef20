/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns.h - the engine of the walls that share the host's kernel: namespaces around a new
 * root.
 */
#ifndef BRIG_WALL_NS_H
#define BRIG_WALL_NS_H

#include "wall/wall.h"

struct seccomp_program;

/* What such a wall adds; zero is the weakest. */
struct ns_profile {
	bool host_ids_for_root; /* run by root, its root is the host's */
	bool host_view; /* the host's processes, network, /dev; chroot, not pivot_root */
	const uint64_t *caps; /* what root inside may keep; NULL: everything */
	const struct seccomp_program *seccomp;
	bool no_new_privs;
	bool masked; /* the paths that container engines mask, and /proc/sys read-only */
	bool landlock;
};

int ns_probe(const struct ns_profile *p, struct err *e);

/*
 * Start the warder behind this profile.
 *
 * Should:  return when the warder's program runs, or fail with the step that failed.
 * Mustn't: leave a process, a mount or a descriptor behind when it fails.
 */
int ns_start(const struct ns_profile *p, const struct wall_spec *spec,
	struct wall_run *ret, struct err *e);

int ns_stop(struct wall_run *run, uint64_t wait_ns, struct err *e);

/* The same for a wall without a PID namespace: the warder has to find its descendants. */
int ns_stop_softly(struct wall_run *run, uint64_t wait_ns, struct err *e);

#endif
