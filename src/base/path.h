/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h - names of files: tidied by their letters, opened without being led astray.
 *
 * path_clean and friends look at letters only. The path_open family asks the
 * kernel (openat2(2)) to resolve beneath a directory that someone else may be
 * rearranging at the same time.
 */
#ifndef BRIG_BASE_PATH_H
#define BRIG_BASE_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* Without "//", "/./", a trailing "/" and "x/..", by letters alone. Caller frees. */
char *path_clean(const char *path);

/* 'path' itself if absolute, else beneath 'base'; tidied. Caller frees. */
char *path_join(const char *base, const char *path);

/* Is 'path' the directory 'dir' or beneath it? Both tidied and absolute. */
bool path_beneath(const char *path, const char *dir);

/* The last component; "" for "/". */
const char *path_base(const char *path);

/*
 * Is this the name of one directory entry: not empty, ".", "..", no "/", at most 255 bytes?
 */
bool path_is_name(const char *name);

/*
 * Open 'path' beneath 'root'. O_CLOEXEC is added.
 *
 * Should:  fail with -EXDEV or -ELOOP for "..", an absolute link or a magic link that leaves
 *          the root, and retry when a rename was in the way.
 * Mustn't: ever open anything outside of root, whoever renames what meanwhile.
 */
int path_open_beneath(
	int root, const char *path, uint64_t flags, mode_t mode, struct err *e);

/* As above, and no symbolic link on the way or at the end. */
int path_open_plain(
	int root, const char *path, uint64_t flags, mode_t mode, struct err *e);

/*
 * Open a path as realpath(3) once gave it. -ELOOP when a link has come in its way since.
 */
int path_open_real(const char *path, uint64_t flags, struct err *e);

/* As path_open_beneath, but the root is the root: absolute links and ".." stay inside (as after chroot). */
int path_open_in_root(
	int root, const char *path, uint64_t flags, mode_t mode, struct err *e);

/*
 * Make the directories of 'path' that are missing inside 'root' (links resolved as after a
 * chroot) and open the last one with O_PATH.
 */
int path_mkdirs_in_root(int root, const char *path, mode_t mode, struct err *e);

#endif
