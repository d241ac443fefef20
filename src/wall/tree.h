/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - single steps of building a root that a hostile image may have prepared.
 *
 * 'root' is always the new root's directory. What an image put there is never trusted:
 * paths are resolved as after a chroot, and /proc, /sys and /dev must be plain
 * directories.
 */
#ifndef BRIG_WALL_TREE_H
#define BRIG_WALL_TREE_H

#include "wall/wall.h"

/* The directories of an overlay; names beneath descriptors. */
struct tree_layers {
	int lowers;          /* where the lower directories are */
	const char *lower;   /* the only one; or NULL, and */
	char *const *layers; /* several, the lowest first */
	size_t layers_n;
	int dir; /* upper/ and work/ are in its 'at', "" for itself */
	const char *at;
	bool ephemeral; /* never synced: lost in a crash of the machine */
};

/* An overlay as a detached mount. */
int tree_overlay(const struct tree_layers *l, struct err *e);

/* Attach at 'dst', making the directory or file it needs. */
int tree_attach(int root, int mnt, const char *dst, struct err *e);

/* The same where 'name' must be a plain directory of the root's. */
int tree_attach_plain(int root, int mnt, const char *name, struct err *e);

/* The same, and directories made on the way beneath 'home' belong to the working user. */
int tree_attach_made(int root, int mnt, const char *dst, const char *home,
	const struct idmap *ids, struct err *e);

/* Pin and protect what lies beneath a workspace: see struct wall_mount. */
int tree_protect(int root, const struct wall_mount *m, struct err *e);

/* /proc, /sys, /dev, /tmp and so on, where they are missing. */
int tree_make_standard(int root, struct err *e);

/* The paths that the OCI engines mask or make read-only. */
int tree_mask_proc(int root, struct err *e);
int tree_mask_sys(struct err *e); /* after the root was entered */

/* A line for the working user in /etc/passwd and /etc/group, and /etc/hosts, if missing.
 */
int tree_add_user(int root, const struct wall_spec *spec, struct err *e);

#endif
