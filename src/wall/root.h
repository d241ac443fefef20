/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.h - puts a sandbox's root file system together, piece by piece.
 *
 * In two steps, because they need two identities. root_open() runs in the new mount
 * namespace while the process is still the calling user, and takes hold of everything of
 * the host's that will be needed, as detached mounts. root_build() runs when it has
 * become root of the user namespace, makes the root out of them and enters it; after that
 * no path of the host's is looked up again.
 */
#ifndef BRIG_WALL_ROOT_H
#define BRIG_WALL_ROOT_H

#include "wall/wall.h"

#define ROOT_MOUNTS_MAX 256
#define ROOT_BASES_MAX  64

/* A directory of the host's system that is shown read-only. */
struct root_base {
	int fd; /* detached mount */
	char *dst;
};

struct root {
	const struct wall_spec *spec;
	bool host_view;
	bool masked;
	bool bare;   /* no /proc, /sys, /dev: a kernel of its own brings them */
	int dir;     /* the sandbox's directory, in this mount namespace */
	int layers;  /* the folder of the layers, or the directory that is the root; -1 */
	int trust;   /* the directory of network files, a detached mount; -1: none */
	int program; /* spec->program, on a read-only mount */
	int proc;    /* host_view: the host's own trees */
	int sys;
	int dev;
	int devices[8]; /* null, zero, ...: detached mounts of the host's nodes */
	struct root_base bases[ROOT_BASES_MAX];
	size_t bases_n;
	int mounts[ROOT_MOUNTS_MAX]; /* sources of spec->mounts: detached mounts */
};

/*
 * Made by the caller, in the host's mount namespace, before any other step: sources that
 * only the host's root can give, as mounts with the sandbox's ids. Others stay -1.
 */
int root_prepare(
	struct root *r, const struct wall_spec *spec, bool host_view, struct err *e);
int root_open(struct root *r, struct err *e);
int root_build(struct root *r, struct err *e);

/* After the sandbox's own namespaces are there: what belongs to those. */
int root_finish(struct root *r, struct err *e);
void root_close(struct root *r);

#endif
