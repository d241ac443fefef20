/* SPDX-License-Identifier: Apache-2.0 */
/*
 * initramfs.h - a guest kernel's first file system, as one file in memory.
 *
 * The format is cpio's "newc" (Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#ifndef BRIG_LINUX_INITRAMFS_H
#define BRIG_LINUX_INITRAMFS_H

#include <stddef.h>

struct err;

/* A file of the host's that is in it. */
struct initramfs_file {
	const char *name; /* inside, without the leading slash */
	const char *from; /* path on the host */
	unsigned mode;    /* permissions */
};

#define INITRAMFS_FILE_MAX (16U << 20) /* bytes of one file */

/* Make it. Returns a sealed memfd, or -errno. */
int initramfs_make(const struct initramfs_file *files, size_t n, struct err *e);

#endif
