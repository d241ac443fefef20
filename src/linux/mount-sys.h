/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount-sys.h - the bare system calls of the mount API, for mount*.c alone.
 *
 * By number: musl has no wrappers, glibc has them from 2.36 on, and their headers and the
 * kernel's can't always be included together. Numbers are the same on every architecture.
 */
#ifndef BRIG_LINUX_MOUNT_SYS_H
#define BRIG_LINUX_MOUNT_SYS_H

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/mount.h> */
#define SYS_TREE_CLONE      0x1U  /* OPEN_TREE_CLONE */
#define SYS_MOVE_F_EMPTY    0x4U  /* MOVE_MOUNT_F_EMPTY_PATH */
#define SYS_MOVE_T_EMPTY    0x40U /* MOVE_MOUNT_T_EMPTY_PATH */
#define SYS_FSOPEN_CLOEXEC  0x1U
#define SYS_FSMOUNT_CLOEXEC 0x1U
#define SYS_FSCONFIG_FLAG   0U
#define SYS_FSCONFIG_STRING 1U
#define SYS_FSCONFIG_CREATE 6U
#define SYS_ATTR_IDMAP      0x00100000U /* MOUNT_ATTR_IDMAP */

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

struct err;
struct mount_overlay;

/* mount_overlay() as on kernels before 6.7; apart for the tests */
int mount_overlay_by_names(const struct mount_overlay *o, struct err *e);

struct sys_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

static inline int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

static inline int sys_move_mount(
	int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int sys_mount_setattr(
	int dirfd, const char *path, unsigned flags, const struct sys_mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}

static inline int sys_fsopen(const char *fstype, unsigned flags)
{
	return (int)syscall(SYS_fsopen, fstype, flags);
}

static inline int sys_fsconfig(
	int fs, unsigned cmd, const char *key, const char *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fs, cmd, key, value, aux);
}

static inline int sys_fsmount(int fs, unsigned flags, unsigned attrs)
{
	return (int)syscall(SYS_fsmount, fs, flags, attrs);
}

static inline int sys_pivot_root(const char *to, const char *old)
{
	return (int)syscall(SYS_pivot_root, to, old);
}

#endif
