/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - put one file or link into a directory that others may be rearranging.
 *
 * The directory is a descriptor that place_open_parent() reached without following a
 * link; the name is one component. What is put there is complete before it gets its
 * name, and takes the place of a file or link that has it; a directory in the way is an
 * error (-EISDIR), remove it with file_remove_tree() first.
 */
#ifndef BRIG_SANDBOX_PLACE_H
#define BRIG_SANDBOX_PLACE_H

#include <stddef.h>
#include <sys/stat.h>

struct err;

struct place {
	mode_t mode; /* permission bits; the umask has no say */
	uid_t uid;   /* -1 for whoever the caller is */
	gid_t gid;
	const struct timespec *mtime; /* NULL for now */
};

#define PLACE_ANYONE ((uid_t)-1)

/*
 * Open the directory of 'path' beneath 'root' with O_PATH; '*name' points to the last
 * component.
 *
 * Mustn't: follow a symbolic link or leave the root, whoever renames what meanwhile.
 */
int place_open_parent(int root, const char *path, const char **name, struct err *e);

/* A copy (by reflink where that works) of the regular file 'from', read from its offset.
 */
int place_file(
	int dir, const char *name, int from, const struct place *as, struct err *e);

int place_bytes(int dir, const char *name, const void *data, size_t len,
	const struct place *as, struct err *e);

int place_symlink(int dir, const char *name, const char *target, const struct place *as,
	struct err *e);

/* A second name for the file that 'from'/'old' is. */
int place_hardlink(int from, const char *old, int dir, const char *name, struct err *e);

/* chmod(2) for a descriptor of any kind, O_PATH too. 0 or -errno. */
int place_chmod(int fd, mode_t mode);

/* Take off a file's capabilities, for the same. 0 or -errno. */
int place_no_caps(int fd);

/* Give the open file its owner, mode and time of modification. 0 or -errno. */
int place_dress(int fd, const struct place *as);

#endif
