/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wall.h - the one interface to every kind of isolation.
 *
 * A wall is a constant table of functions. Above it nobody knows which wall a sandbox
 * has; a member that is NULL means "cannot". To add one, add a folder and a row in
 * wall.c.
 *
 * Life cycle: probe, start, then any of the others, then stop, once. start returns with
 * the warder speaking on 'stream' (guest/proto.h), so running commands, copying files,
 * signals and terminals are the same for all and no business of the wall's.
 */
#ifndef BRIG_WALL_WALL_H
#define BRIG_WALL_WALL_H

#include "linux/gatens.h"
#include "linux/mntns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup;
struct err;
struct idmap;

enum wall_root {
	WALL_ROOT_HOST,   /* the machine's own system directories */
	WALL_ROOT_DIR,    /* a directory, under a private writable layer */
	WALL_ROOT_LAYERS, /* image layers, under a private writable layer */
};

enum wall_mode { WALL_RW, WALL_RO, WALL_OVERLAY };

/* Something of the host's that is to be seen inside. */
struct wall_mount {
	const char *src; /* absolute, on the host */
	const char *dst; /* absolute, inside */
	enum wall_mode mode;
	const char
		*layer; /* overlay: "ws/0", the place in 'dir' of its upper/ and work/ */
	char *const
		*pinned; /* beneath it: made mount points, so that none can be renamed */
	size_t pinned_n;
	char *const *readonly; /* beneath it: read-only; the way to each is pinned */
	size_t readonly_n;
};

/* For walls whose kernel has to enforce them itself; 0: none. */
struct wall_limits {
	uint64_t memory;    /* bytes */
	uint64_t cpu_milli; /* thousandths of a CPU */
	uint64_t pids;
	uint64_t net_rate; /* bytes a second, each way; walls with limits_net */
};

struct wall_snapshot;

/* What to start. Borrowed; everything stays the caller's. */
struct wall_spec {
	const char *name;
	const char *hostname;
	const struct idmap *ids;
	const char *dir; /* the sandbox's directory: upper/, work/ and root/ are in it */
	enum wall_root root;
	const char *root_dir; /* the directory, or the folder of the layers */
	char *const *layers;  /* names in it, the lowest first */
	size_t layers_n;
	char *const *host_dirs; /* more of the host's directories, read-only */
	size_t host_dirs_n;
	const struct wall_mount *mounts;
	size_t mounts_n;
	bool ephemeral;   /* the writable layer is thrown away: it need not get to disk */
	const char *home; /* inside; made when it is not there */
	const char *user; /* name of the working user */
	const char *program; /* path on the host of the first one: the warder, or whatever
				the wall has put in its place */
	const struct cgroup *cgroup; /* NULL: none */
	struct wall_limits limits;
	bool strict;       /* sentry: the slower mode that is the harder one to break */
	bool gated;        /* a network that leads to the gate; else loopback only */
	const char *trust; /* directory shown as /run/brig: CA certificates, resolv.conf;
			      NULL: none */
	const struct wall_snapshot *from; /* go on from this; NULL: start anew */
};

/* A machine that was kept: two files that nobody writes to. */
struct wall_snapshot {
	int state, memory;
	int64_t copied; /* going on: seconds since 1970, after which its layers were copied */
};

/* What runs. Descriptors belong to it until wall_run_clear(). */
struct wall_run {
	pid_t init; /* the warder, a child of the caller */
	int pidfd;  /* of init */
	int stream; /* to the warder */
	int remote; /* to its machine's monitor; -1 without one */
	int memory; /* the file that its machine's memory is in; -1: it has left that one */
	uint64_t bytes; /* of that memory */
	int console;    /* what its kernel said in its last moments; -1 without one */
	int userns; /* the user namespace that owns the sandbox's files; -1 without one */
	struct mntns mnt;     /* whoever is in it belongs to the sandbox */
	int gate[GATENS_FDS]; /* where its network arrives; -1 without one */
};

#define WALL_RUN_INIT                                                                 \
	{                                                                             \
		.pidfd = -1, .stream = -1, .remote = -1, .memory = -1, .console = -1, \
		.userns = -1, .gate = {                                               \
			[0 ... GATENS_FDS - 1] = -1                                   \
		}                                                                     \
	}

/* What runs, as the wall itself knows it: outside, and, where it is told, inside. 0: unknown. */
struct wall_stats {
	uint64_t memory, cpu_ns; /* of the host's */
	uint64_t guest_memory, guest_free, guest_available, guest_cached, guest_returned;
	uint64_t net_in, net_out; /* bytes */
};

struct wall {
	const char *name;
	int strength;         /* a larger number stops more */
	const char *brief;    /* what separates */
	const char *passes;   /* what it doesn't stop; brig says so */
	const char *not_auto; /* why auto doesn't take it; NULL: it may */
	bool own_pids;        /* the sandbox sees only its own processes */
	bool own_net;
	bool host_kernel; /* else its own, which keeps to struct wall_limits itself */
	bool has_strict;
	bool limits_net; /* it keeps to wall_limits.net_rate */
	bool keeps_user; /* a command can't become another user by executing something */

	/* Can this machine run it? 0, or an error that says what is missing and how to
	 * get it. */
	int (*probe)(struct err *e);
	int (*start)(const struct wall_spec *spec, struct wall_run *ret, struct err *e);
	/* Kill everything in it and wait, at most 'wait_ns'. */
	int (*stop)(struct wall_run *run, uint64_t wait_ns, struct err *e);
	/* NULL where nobody but the control group and the warder does. */
	int (*stats)(struct wall_run *run, struct wall_stats *ret, struct err *e);
	/* Besides the control group. NULL where only that or the warder can do it. */
	int (*pause)(struct wall_run *run, struct err *e);
	int (*resume)(struct wall_run *run, struct err *e);
	/*
	 * Stop it, and give out what it is: two descriptors, the caller's. It stands until
	 * 'resume'; after a failure it goes on. NULL where there is no machine to be kept.
	 */
	int (*snapshot)(struct wall_run *run, struct wall_snapshot *ret, struct err *e);
};

/* All, the weakest first; ended by NULL. */
extern const struct wall *const walls[];

/* By name. -EINVAL names the nearest. "auto" is the strongest whose probe passes. */
int wall_find(const char *name, const struct wall **ret, struct err *e);

void wall_run_clear(struct wall_run *run);

#endif
