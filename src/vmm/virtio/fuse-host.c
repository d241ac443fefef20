/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fuse-host.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

int host_open(int dir, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};

	/* What was a file a moment ago may be a FIFO or a terminal now. */
	if (!(flags & O_PATH))
		how.flags |= O_NONBLOCK | O_NOCTTY;
	return (int)HOST_AGAIN(syscall(SYS_openat2, dir, name, &how, sizeof(how)));
}

static struct host_time time_from(const struct statx_timestamp *t)
{
	return (struct host_time){ .sec = t->tv_sec, .nsec = t->tv_nsec };
}

int host_stat(int dir, const char *name, struct host_stat *ret)
{
	struct statx x;
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name ? 0 : AT_EMPTY_PATH);
	long r = HOST_AGAIN(statx(dir, name ? name : "", flags,
		STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &x));

	if (r < 0)
		return (int)r;
	*ret = (struct host_stat){ .ino = x.stx_ino,
		.size = x.stx_size,
		.blocks = x.stx_blocks,
		.dev_major = x.stx_dev_major,
		.dev_minor = x.stx_dev_minor,
		.rdev_major = x.stx_rdev_major,
		.rdev_minor = x.stx_rdev_minor,
		.mode = x.stx_mode,
		.nlink = x.stx_nlink,
		.uid = x.stx_uid,
		.gid = x.stx_gid,
		.has_btime = !!(x.stx_mask & STATX_BTIME),
		.atime = time_from(&x.stx_atime),
		.mtime = time_from(&x.stx_mtime),
		.ctime = time_from(&x.stx_ctime) };
	if (ret->has_btime)
		ret->btime = time_from(&x.stx_btime);
	/* at byte 0x90, and not in every libc's structure (statx(2)) */
	if (x.stx_mask & STATX_MNT_ID)
		memcpy(&ret->mnt, (const char *)&x + 0x90, sizeof(ret->mnt));
	return 0;
}

int host_chown(int fd, uid_t uid, gid_t gid)
{
	return (int)HOST_AGAIN(fchownat(fd, "", uid, gid, AT_EMPTY_PATH));
}

int host_utimes(int fd, const struct timespec t[2])
{
	return (int)HOST_AGAIN(syscall(SYS_utimensat, fd, "", t, AT_EMPTY_PATH));
}

int host_chmod(int fd, mode_t mode, int is_dir)
{
	long r = HOST_AGAIN(fchmod(fd, mode));

	if (r != -EBADF)
		return (int)r;
	if (is_dir)
		return (int)HOST_AGAIN(syscall(SYS_fchmodat, fd, ".", mode));
	return (int)HOST_AGAIN(syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH));
}

int host_has_chmod(void)
{
	return HOST_AGAIN(syscall(SYS_fchmodat2, -1, "", 0, AT_EMPTY_PATH)) == -EBADF;
}

int host_link(int from, const char *name, int to, const char *to_name)
{
	return (int)HOST_AGAIN(
		linkat(from, name ? name : "", to, to_name, name ? 0 : AT_EMPTY_PATH));
}
