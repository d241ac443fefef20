/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mntns.h - a mount namespace by its name: who is in it, and the end of them all.
 *
 * The inode number of a namespace (namespaces(7)) is given to another one as soon as it is
 * gone, so that it names one only while something holds it. Since Linux 6.11 a mount
 * namespace also has a number that is never used again (NS_GET_MNTNS_ID, linux/nsfs.h).
 * Where there is none, a process counts as inside only when its root directory has the
 * inode number that was given as well: then one that has moved its root is missed, rather
 * than a stranger's be killed.
 */
#ifndef BRIG_LINUX_MNTNS_H
#define BRIG_LINUX_MNTNS_H

#include <stdint.h>
#include <sys/types.h>

struct err;

struct mntns {
	uint64_t inode; /* 0: none */
	uint64_t id;    /* never used again until the next boot; 0: not known */
	uint64_t
		root; /* inode number of the root directory in it, which counts for want of 'id' */
};

/* That of a process; zeroed when it can't be told. */
void mntns_of(pid_t pid, struct mntns *ret);

/*
 * Kill every process in it, and wait until they are gone, at most 'wait_ns'.
 *
 * Mustn't: kill the caller's own namespace, or a process that can't be told to be inside.
 */
int mntns_kill(const struct mntns *ns, uint64_t wait_ns, struct err *e);

#endif
