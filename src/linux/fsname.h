/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsname.h - what kind of file system holds a file, in words.
 */
#ifndef BRIG_LINUX_FSNAME_H
#define BRIG_LINUX_FSNAME_H

#include <stdint.h>

/* "ext4", "overlayfs", ... for a magic number of statfs(2); NULL for one we don't know.
 */
const char *fsname_of_magic(uint64_t magic);

/* The same of an open file, or of a path (AT_FDCWD or a directory for 'dirfd'); a file
 * system without a name here is "file system 0x1234", one that can't be asked "unknown".
 */
#define FSNAME_MAX 40
const char *fsname_of_fd(int fd, char out[FSNAME_MAX]);
const char *fsname_of_path(const char *path, char out[FSNAME_MAX]);

#endif
