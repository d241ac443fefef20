/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-host.h - the host's calls behind fuse.h: beneath a descriptor, by one name, never
 * through a link.
 *
 * Each returns a negative errno where it fails, and does again what a signal interrupted. A
 * name was looked at by path_is_name() before it comes here.
 */
#ifndef BRIG_VMM_VIRTIO_FUSE_HOST_H
#define BRIG_VMM_VIRTIO_FUSE_HOST_H

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define HOST_AGAIN(call)                              \
	({                                            \
		long again_;                          \
		do                                    \
			again_ = (long)(call);        \
		while (again_ < 0 && errno == EINTR); \
		again_ < 0 ? -(long)errno : again_;   \
	})

struct host_time {
	int64_t sec;
	uint32_t nsec;
};

struct host_stat {
	uint64_t ino, mnt, size, blocks;
	uint32_t dev_major, dev_minor, rdev_major, rdev_minor;
	uint32_t mode, nlink, uid, gid;
	int has_btime;
	struct host_time atime, mtime, ctime, btime;
};

/* 'name' may be "." too. O_CLOEXEC, O_NOFOLLOW, O_NOCTTY and O_NONBLOCK are added. */
int host_open(int dir, const char *name, int flags, mode_t mode);

/* 'name' NULL: of the descriptor itself, here and below. */
int host_stat(int dir, const char *name, struct host_stat *ret);
int host_chown(int fd, uid_t uid, gid_t gid);
int host_utimes(int fd, const struct timespec t[2]);

/* -ENOSYS where 'fd' is O_PATH and the kernel older than 6.6, unless it is a directory. */
int host_chmod(int fd, mode_t mode, int is_dir);

int host_has_chmod(void); /* Linux 6.6, and no filter in the way */

/* By the name or, NULL, the file behind 'from'. */
int host_link(int from, const char *name, int to, const char *to_name);

#endif
