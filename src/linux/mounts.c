/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/mounts.h"

#include "base/auto.h"
#include "base/err.h"
#include "linux/fsname.h"
#include "linux/mount-sys.h"

#include <fcntl.h>
#include <string.h>

int mount_isolate(struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make mounts private");
	return 0;
}

int mount_clone(int dirfd, const char *path, bool recursive, struct err *e)
{
	unsigned flags = SYS_TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW;
	int fd;

	if (recursive)
		flags |= AT_RECURSIVE;
	if (!*path)
		flags |= AT_EMPTY_PATH;
	fd = sys_open_tree(dirfd, path, flags);
	if (fd >= 0)
		return fd;
	err_sys(e, "copy the mount of '%s'", path);
	/* Part of a tree of mounts may hide what is below it (mount_namespaces(7)). */
	if (errno == EINVAL && !recursive)
		err_hint(e,
			"mounts beneath it are locked together with it: copy it with "
			"them");
	return e ? -e->code : -EINVAL;
}

int mount_attach(int fd, int dirfd, const char *path, struct err *e)
{
	unsigned flags = SYS_MOVE_F_EMPTY | (*path ? 0 : SYS_MOVE_T_EMPTY);

	if (sys_move_mount(fd, "", dirfd, path, flags) < 0)
		return err_sys(e, "attach a mount at '%s'", path);
	return 0;
}

int mount_restrict(int fd, uint64_t attrs, bool recursive, struct err *e)
{
	struct sys_mount_attr attr = { .attr_set = attrs };
	unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	if (sys_mount_setattr(fd, "", flags, &attr) < 0)
		return err_sys(
			e, "set mount attributes %#llx", (unsigned long long)attrs);
	return 0;
}

int mount_idmap(int fd, int userns_fd, struct err *e)
{
	struct sys_mount_attr attr = { .attr_set = SYS_ATTR_IDMAP,
		.userns_fd = (uint64_t)userns_fd };
	char name[FSNAME_MAX];
	int code;

	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) == 0)
		return 0;
	code = errno;
	if (code == EINVAL || code == EOPNOTSUPP) {
		err_set(e, EOPNOTSUPP, "%s on this kernel has no id-mapped mounts",
			fsname_of_fd(fd, name));
		err_hint(e, "put the files on ext4, xfs or btrfs, or use a newer kernel");
		return -EOPNOTSUPP;
	}
	errno = code;
	return err_sys(e, "map the owners of a mount of %s", fsname_of_fd(fd, name));
}

/* Fail with errno and what the file system has logged: lines "e overlay: No changes ...".
 */
static int fail_logged(int fsfd, const char *what, const char *fstype, struct err *e)
{
	char log[256];
	int code = errno;
	ssize_t n = fsfd < 0 ? -1 : read(fsfd, log, sizeof(log) - 1);

	if (n <= 2) {
		errno = code;
		return err_sys(e, "%s %s", what, fstype);
	}
	log[n] = '\0';
	log[strcspn(log, "\n")] = '\0';
	return err_set(e, code, "%s %s: %s (%s)", what, fstype, log + 2, strerror(code));
}

int mount_new(const char *fstype, const struct mount_option *options, uint64_t attrs,
	struct err *e)
{
	auto_fd int fs = sys_fsopen(fstype, SYS_FSOPEN_CLOEXEC);
	char what[160];
	int fd;

	if (fs < 0)
		return fail_logged(-1, "mount", fstype, e);
	for (const struct mount_option *o = options; o && o->key; o++) {
		unsigned cmd = o->value ? SYS_FSCONFIG_STRING : SYS_FSCONFIG_FLAG;

		if (sys_fsconfig(fs, cmd, o->key, o->value, 0) < 0) {
			(void)snprintf(what, sizeof(what), "set '%s%s%.100s' of", o->key,
				o->value ? "=" : "", o->value ? o->value : "");
			return fail_logged(fs, what, fstype, e);
		}
	}
	if (sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return fail_logged(fs, "mount", fstype, e);
	fd = sys_fsmount(fs, SYS_FSMOUNT_CLOEXEC, (unsigned)attrs);
	return fd < 0 ? fail_logged(fs, "mount", fstype, e) : fd;
}

int mount_pivot(int fd, struct err *e)
{
	if (fchdir(fd) < 0)
		return err_sys(e, "enter the new root");
	/* the new root is stacked over the old one at "/"; the upper of the two is then
	 * ours, and "." the lower (pivot_root(2), notes) */
	if (sys_pivot_root(".", ".") < 0)
		return err_sys(e, "make a mount the root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "let the old root go");
	return chdir("/") < 0 ? err_sys(e, "enter '/'") : 0;
}

int mount_detach(const char *path, struct err *e)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return err_sys(e, "unmount '%s'", path);
	return 0;
}
