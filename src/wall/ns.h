/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns.h - the engine of the walls that share the host's kernel: namespaces around a new
 * root.
 */
#ifndef BRIG_WALL_NS_H
#define BRIG_WALL_NS_H

#include "wall/wall.h"

struct seccomp_program;

/* What the first process finds when all is in place. Descriptors close when it executes. */
struct ns_inside {
	const struct wall_spec *spec;
	int program; /* spec->program, on a read-only mount */
	int root;    /* the root directory, O_PATH */
	int stream;  /* to the keeper */
	int net; /* the packet socket that is its network (linux/gatens.h); -1 without */
	int console; /* what it says in its last moments; nobody may wait for it */
};

/* What such a wall adds; zero is the weakest. */
struct ns_profile {
	bool host_ids_for_root; /* run by root, its root is the host's */
	bool host_view; /* the host's processes, network, /dev; chroot, not pivot_root */
	const uint64_t *caps; /* what root inside may keep; NULL: everything */
	const struct seccomp_program *seccomp;
	bool no_new_privs;
	bool masked; /* the paths that container engines mask, and /proc/sys read-only */
	bool landlock;
	/*
	 * The wall has a kernel of its own, which becomes the first process by this: the
	 * root is bare, without /proc, /sys and /dev, and its network is one packet socket.
	 * NULL: the warder. Comes back only when it failed.
	 */
	int (*become)(const struct ns_inside *in, void *with, struct err *e);
	void *with;
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
