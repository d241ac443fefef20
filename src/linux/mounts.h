/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts.h - mounts as descriptors: make, restrict, attach (the mount API of Linux 5.2,
 * with mount_setattr(2) of 5.12).
 *
 * A mount is made detached, given its attributes while nobody can reach it, and then
 * attached to a directory that is open: no path is looked up twice. A function that
 * returns a descriptor returns one of a mount (O_PATH in kind, close-on-exec) that the
 * caller closes; a detached mount goes away with it.
 */
#ifndef BRIG_LINUX_MOUNTS_H
#define BRIG_LINUX_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>

struct err;

/* <linux/mount.h>, which glibc's <sys/mount.h> can't be used beside in some versions */
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY     0x00000001
#define MOUNT_ATTR_NOSUID     0x00000002
#define MOUNT_ATTR_NODEV      0x00000004
#define MOUNT_ATTR_NOEXEC     0x00000008
#define MOUNT_ATTR_NOATIME    0x00000010
#define MOUNT_ATTR_NODIRATIME 0x00000080
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* Stop mounts here from spreading to where we came from, and the other way round: the
 * first thing to do in a new mount namespace. */
int mount_isolate(struct err *e);

/*
 * A detached copy of the mount at 'path' beneath 'dirfd' ("" for the file open at 'dirfd'
 * itself; a last symbolic link is not followed), with those beneath it when 'recursive'.
 */
int mount_clone(int dirfd, const char *path, bool recursive, struct err *e);

/* Attach a detached mount over 'path' beneath 'dirfd', or over 'dirfd' itself for "". */
int mount_attach(int fd, int dirfd, const char *path, struct err *e);

/* Add MOUNT_ATTR_* to a mount. In one copied whole from a more privileged namespace,
 * nobody inside can take them off again. */
int mount_restrict(int fd, uint64_t attrs, bool recursive, struct err *e);

/*
 * Translate owners of a detached mount by the map of a user namespace
 * (idmap_open_userns()): on-disk id N appears as what namespace id N is outside. Needs
 * CAP_SYS_ADMIN over the file system itself; an ordinary user has none over the host's.
 *
 * Should:  name the file system when it or the kernel can't (mount_setattr(2), EINVAL).
 */
int mount_idmap(int fd, int userns_fd, struct err *e);

struct mount_option {
	const char *key;
	const char *value; /* NULL for a flag such as "ro" */
};

/*
 * A new file system of type 'fstype', "tmpfs" say, detached. 'options' end with a NULL
 * key, or are NULL. 'attrs' are MOUNT_ATTR_*. What the file system complains of is in the
 * message.
 */
int mount_new(const char *fstype, const struct mount_option *options, uint64_t attrs,
	struct err *e);

#define MOUNT_OVERLAY_LOWERS_MAX 127

struct mount_overlay {
	int dirfd;                /* paths below are relative to it; AT_FDCWD */
	const char *const *lower; /* topmost first */
	unsigned lower_n;
	const char *upper, *work; /* on one file system; NULL both: read-only */
	bool userxattr; /* user.overlay.* for whiteouts: as root of a user namespace */
	bool volatile_; /* don't sync: the upper directory is lost in a crash anyway */
	uint64_t attrs;
};

/*
 * An overlayfs, detached. Up to 127 lower directories at any path length: by "lowerdir+"
 * (Linux 6.7), before that through short names in /proc/self/fd, which has to be there.
 * Is for a private mount namespace: before 6.7 the mount is attached for a moment.
 */
int mount_overlay(const struct mount_overlay *o, struct err *e);

/* Make the mount open at 'fd', attached already, the root directory "/" and let the old
 * one go; the working directory is the new root. */
int mount_pivot(int fd, struct err *e);

/* Detach what is mounted at 'path' (""), with everything beneath. */
int mount_detach(const char *path, struct err *e);

#endif
