/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock-confine.h - a process and its children to come reach only the files named here
 * (landlock(7), Linux 5.13; rules of the kernel's ABI 1 to 7).
 */
#ifndef BRIG_LINUX_LANDLOCK_CONFINE_H
#define BRIG_LINUX_LANDLOCK_CONFINE_H

struct err;

/* rights beneath a path; for a file those that make sense for one */
#define LANDLOCK_READ  0x1U /* read files, list directories */
#define LANDLOCK_EXEC  0x2U /* execute files */
#define LANDLOCK_WRITE 0x4U /* write to and truncate files that are there */
#define LANDLOCK_MAKE \
	0x8U /* make, rename, link and remove files, directories, sockets \
	      */
#define LANDLOCK_NODES 0x10U /* make device nodes */
#define LANDLOCK_IOCTL 0x20U /* ioctl(2) on device files opened from here on */
#define LANDLOCK_ALL   0x3fU

struct landlock_rule {
	const char *path; /* NULL: 'fd' */
	int fd;           /* O_PATH is enough */
	unsigned rights;
};

/* what else is shut */
#define LANDLOCK_NO_SIGNALS 0x1U /* to processes outside (ABI 6) */
#define LANDLOCK_NO_SOCKETS \
	0x2U                 /* abstract unix sockets of processes outside (ABI 6) \
			      */
#define LANDLOCK_NO_TCP 0x4U /* bind and connect of TCP (ABI 4) */

/* The kernel's ABI; 0 when it has no Landlock or it is switched off. */
int landlock_abi(void);

/*
 * Confine this process, which must have one thread and no_new_privs (or CAP_SYS_ADMIN).
 * Returns 1 when it is confined, 0 when the kernel can't, or -errno. A path that isn't
 * there is an error; -ENOENT.
 *
 * Should:  use what the running kernel knows and leave out what it doesn't.
 * Mustn't: be the only thing that holds something back: kernels without it are supported.
 *
 * ABI 1 (Linux 5.13 to 5.18) forbids every rename from one directory to another, which
 * breaks ordinary programs; there a set of rules with LANDLOCK_MAKE is not applied (0).
 */
int landlock_confine(
	const struct landlock_rule *rules, unsigned n, unsigned flags, struct err *e);

#endif
