/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount-overlay.c - overlayfs with many layers.
 *
 * Theory of operation: an option string of mount(2) ends at one page, one of fsconfig(2)
 * at 255 bytes, and 127 layers named by digests need ten thousand. So each directory is
 * opened first and named by its descriptor. From Linux 6.7 on, "lowerdir+" takes them one
 * by one as
 * "/proc/self/fd/N". Before, mount(2) gets "lowerdir=N:N:..." from within the directory
 * /proc/self/fd, at five bytes a layer. Names of layers are thus free to hold ':' and
 * ','.
 */
#include "base/auto.h"
#include "base/err.h"
#include "linux/mount-sys.h"
#include "linux/mounts.h"

#include <fcntl.h>
#include <string.h>

#define FD_DIR  "/proc/self/fd"
#define FD_PATH 32 /* "/proc/self/fd/NNNNNNNNNN" */

struct overlay_dirs {
	int lower[MOUNT_OVERLAY_LOWERS_MAX];
	unsigned n;
	int upper, work;
};

static void dirs_close(struct overlay_dirs *d)
{
	for (unsigned i = 0; i < d->n; i++)
		close_auto(&d->lower[i]);
	close_auto(&d->upper);
	close_auto(&d->work);
}

static int open_dir(int dirfd, const char *path, const char *what, struct err *e)
{
	int fd = openat(dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open overlay's %s directory '%s'", what, path) : fd;
}

static int dirs_open(const struct mount_overlay *o, struct overlay_dirs *d, struct err *e)
{
	if (o->lower_n == 0 || o->lower_n > MOUNT_OVERLAY_LOWERS_MAX)
		return err_set(e, EINVAL,
			"an overlay takes 1 to %d lower directories, not %u",
			MOUNT_OVERLAY_LOWERS_MAX, o->lower_n);
	for (; d->n < o->lower_n; d->n++) {
		int fd = open_dir(o->dirfd, o->lower[d->n], "lower", e);

		if (fd < 0)
			return fd;
		d->lower[d->n] = fd;
	}
	if (!o->upper)
		return 0;
	d->upper = open_dir(o->dirfd, o->upper, "upper", e);
	if (d->upper < 0)
		return d->upper;
	d->work = open_dir(o->dirfd, o->work, "work", e);
	return d->work < 0 ? d->work : 0;
}

/* Sets one directory option. -ENOENT of the kernel here would name the wrong thing. */
static int set_dir(int fs, const char *key, int dir)
{
	char path[FD_PATH];

	(void)snprintf(path, sizeof(path), FD_DIR "/%d", dir);
	return sys_fsconfig(fs, SYS_FSCONFIG_STRING, key, path, 0);
}

static int set_flag(int fs, const char *key)
{
	return sys_fsconfig(fs, SYS_FSCONFIG_FLAG, key, NULL, 0);
}

/* Before Linux 6.5 overlayfs takes any option, and when it then makes no sense of one it
 * complains to the log of the kernel. */
static bool takes_anything(int fs)
{
	char log[200];

	if (set_flag(fs, "brig") == 0)
		return true;
	/* that there is no such option is not what went wrong later */
	(void)!read(fs, log, sizeof(log));
	return false;
}

/* By lowerdir+. 0 for a kernel that doesn't have it, a descriptor (never 0), or -errno.
 */
static int mount_appending(
	const struct mount_overlay *o, const struct overlay_dirs *d, struct err *e)
{
	auto_fd int fs = sys_fsopen("overlay", SYS_FSOPEN_CLOEXEC);
	char log[200] = "";
	int fd = -1, code;
	bool ok = true;

	if (fs < 0)
		return err_sys(e, "mount overlay");
	if (takes_anything(fs))
		return 0;
	for (unsigned i = 0; ok && i < d->n; i++) {
		ok = set_dir(fs, "lowerdir+", d->lower[i]) == 0;
		if (!ok && i == 0 && errno == EINVAL)
			return 0;
	}
	if (ok && d->upper >= 0)
		ok = set_dir(fs, "upperdir", d->upper) == 0 &&
			set_dir(fs, "workdir", d->work) == 0;
	if (ok && o->userxattr)
		ok = set_flag(fs, "userxattr") == 0;
	if (ok && o->volatile_)
		ok = set_flag(fs, "volatile") == 0;
	if (ok)
		ok = sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL, 0) == 0;
	if (ok)
		fd = sys_fsmount(fs, SYS_FSMOUNT_CLOEXEC, (unsigned)o->attrs);
	if (fd >= 0)
		return fd;
	code = errno;
	if (read(fs, log, sizeof(log) - 1) > 2)
		log[strcspn(log, "\n")] = '\0';
	return err_set(e, code, "mount overlay: %s%s%s", log[0] ? log + 2 : "",
		log[0] ? ": " : "", strerror(code));
}

/* The option string of mount(2), with descriptors for names. False if it doesn't fit. */
static bool option_text(const struct mount_overlay *o, const struct overlay_dirs *d,
	char *out, size_t size)
{
	size_t len = 0;

	for (unsigned i = 0; i < d->n && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%d",
			i ? ":" : "lowerdir=", d->lower[i]);
	if (d->upper >= 0 && len < size)
		len += (size_t)snprintf(out + len, size - len, ",upperdir=%d,workdir=%d",
			d->upper, d->work);
	if (len < size)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
			o->userxattr ? ",userxattr" : "",
			o->volatile_ ? ",volatile" : "");
	return len < size;
}

/* By mount(2), over the first lower directory, which is there anyway; taken off at once.
 */
static int mount_by_names(
	const struct mount_overlay *o, const struct overlay_dirs *d, struct err *e)
{
	auto_fd int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[4096], target[FD_PATH];
	int fd, r;

	if (cwd < 0)
		return err_sys(e, "open the working directory");
	if (!option_text(o, d, text, sizeof(text)))
		return err_set(e, E2BIG, "mount overlay: too many lower directories");
	(void)snprintf(target, sizeof(target), FD_DIR "/%d", d->lower[0]);
	if (chdir(FD_DIR) < 0)
		return err_sys(e, "enter '" FD_DIR "'");
	r = mount("overlay", target, "overlay", 0, text);
	if (r < 0)
		r = err_sys(e, "mount overlay (%s)", text);
	if (fchdir(cwd) < 0 && r == 0)
		r = err_sys(e, "return to the working directory");
	if (r < 0)
		return r;
	/* Through the descriptor one would reach the directory that is now covered; go by
	 * its name: the last component is looked up in the parent, and the mount is
	 * found. */
	char path[4096];
	ssize_t n = readlink(target, path, sizeof(path) - 1);

	if (n < 0)
		return err_sys(e, "find the overlay");
	path[n] = '\0';
	fd = sys_open_tree(
		AT_FDCWD, path, SYS_TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	r = fd < 0 ? err_sys(e, "detach the overlay from '%s'", path) : 0;
	(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (r == 0 && o->attrs)
		r = mount_restrict(fd, o->attrs, false, e);
	if (r < 0)
		close_auto(&fd);
	return r < 0 ? r : fd;
}

int mount_overlay_by_names(const struct mount_overlay *o, struct err *e)
{
	AUTO(dirs_close) struct overlay_dirs d = { .upper = -1, .work = -1 };
	int r = dirs_open(o, &d, e);

	return r < 0 ? r : mount_by_names(o, &d, e);
}

int mount_overlay(const struct mount_overlay *o, struct err *e)
{
	AUTO(dirs_close) struct overlay_dirs d = { .upper = -1, .work = -1 };
	int r = dirs_open(o, &d, e);

	if (r == 0)
		r = mount_appending(o, &d, e);
	return r ? r : mount_by_names(o, &d, e);
}
