/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - whole files and trees: read, replace, make, remove.
 *
 * Every path is relative to a directory descriptor (AT_FDCWD for none). A file
 * that is replaced is written beside itself and renamed over: readers see the old
 * text or the new. What a stranger may have a hand in is opened with path_open_*
 * of path.h instead.
 */
#ifndef BRIG_BASE_FILE_H
#define BRIG_BASE_FILE_H

#include "base/auto.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct buf;
struct err;

/* Append the file's bytes to 'out'; -EFBIG over 'max'. */
int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *e);
int file_read_fd(int fd, const char *name, size_t max, struct buf *out, struct err *e);

#define FILE_DURABLE 1U /* fsync the file and its directory: survives a power cut */

/* Replace 'path' by these bytes, mode 'mode'. */
int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
	unsigned flags, struct err *e);

/* Write all of it, whatever the number of write(2) that takes. 0 or -errno. */
int file_write_all(int fd, const void *data, size_t len);

/* Write a short text to an existing file in one write(2), as /proc and cgroup files want it. */
int file_poke(int dirfd, const char *path, const char *text, struct err *e);

/* Make 'path' and the parents that are missing. */
int file_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e);

/* As above, and open it: O_DIRECTORY | O_CLOEXEC. */
int file_open_dir(int dirfd, const char *path, mode_t mode, struct err *e);

/*
 * Remove 'path' and what is beneath it; not there is fine.
 *
 * Should:  go on after a failure and report the first one.
 * Mustn't: follow a symbolic link or cross into another mount.
 */
int file_remove_tree(int dirfd, const char *path, struct err *e);

/*
 * Copy a regular file's bytes between descriptors, by reflink or in the kernel where it can. Holes
 * stay holes; 'to' is empty or has nothing behind its offset.
 */
int file_copy_fd(int from, int to, struct err *e);

/* The two steps of such a copy, for who wants to stop in between: skip the hole at the offsets of
 * both, which also makes 'to' long enough when it is the last, and tell how many bytes come before
 * the next (0 at the end, INT64_MAX where that can't be told); and copy at most so many bytes, 0
 * for the end. Or -errno. */
int64_t file_skip_hole(int from, int to);
int64_t file_copy_part(int from, int to, uint64_t len, struct err *e);

#endif
