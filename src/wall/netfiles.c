/* SPDX-License-Identifier: Apache-2.0 */
#include "wall/netfiles.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "linux/mounts.h"
#include "wall/root.h"
#include "wall/tree.h"

#include <sys/stat.h>

#define BUNDLE     "ca-bundle.pem"
#define BUNDLE_MAX (8U << 20)
#define PLACE_SIZE "9m" /* of the file system for a bundle that had to be made */

/* Where distributions keep all certificates in one file. */
static const char *const bundles[] = {
	"etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine, Arch */
	"etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora's family */
	"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* the same, by links */
	"etc/ssl/ca-bundle.pem",                            /* SUSE */
	"etc/ssl/cert.pem",                                 /* Alpine, OpenSSL */
};

int netfiles_open(struct root *r, struct err *e)
{
	int ret;

	r->trust = mount_clone(AT_FDCWD, r->spec->trust, false, e);
	if (r->trust < 0)
		return err_wrap(e, "show '%s'", r->spec->trust);
	ret = mount_restrict(r->trust,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC,
		false, e);
	return ret < 0 ? err_wrap(e, "show '%s'", r->spec->trust) : 0;
}

/* Open one of the directory's files through its new place. */
static int open_file(int root, const char *name, int flags, struct err *e)
{
	auto_fd int dir =
		path_open_in_root(root, NETFILES_DIR, O_PATH | O_DIRECTORY, 0, e);
	int fd = dir < 0 ? dir : openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0 || fd >= 0)
		return fd;
	return err_sys(e, "open '/" NETFILES_DIR "/%s'", name);
}

/* Cover the file open at 'at' by the one open at 'by'. */
static int cover(int at, int by, struct err *e)
{
	auto_fd int mnt = mount_clone(by, "", false, e);

	return mnt < 0 ? mnt : mount_attach(mnt, at, "", e);
}

/* A plain file to cover, made where there is none; a link there is taken away: where it
 * leads is the image's idea. */
static int cover_resolv_conf(int root, struct err *e)
{
	auto_fd int etc = path_open_in_root(root, "etc", O_PATH | O_DIRECTORY, 0, e);
	auto_fd int by = etc < 0 ? etc : open_file(root, "resolv.conf", O_PATH, e);
	auto_fd int made = -1, at = -1;
	struct stat st;

	if (by < 0)
		return by;
	if (fstatat(etc, "resolv.conf", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		!S_ISREG(st.st_mode) && unlinkat(etc, "resolv.conf", 0) < 0)
		return err_sys(e, "replace '/etc/resolv.conf'");
	made = openat(
		etc, "resolv.conf", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	at = openat(etc, "resolv.conf", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return err_sys(e, "make '/etc/resolv.conf'");
	return cover(at, by, e);
}

/*
 * The image's bundle and the sandbox's CA as one file in memory; returns it as a detached
 * mount. The file system is attached where the directory will cover it: before Linux 6.15
 * nothing can be copied out of a mount that is attached nowhere.
 */
static int merge(int root, const struct buf *image, const struct buf *ca, struct err *e)
{
	static const struct mount_option options[] = { { "size", PLACE_SIZE },
		{ "mode", "0755" }, { 0 } };
	auto_fd int place = mount_new("tmpfs", options,
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
	auto_fd int to = -1, mnt = -1;
	int r = place < 0 ? place : tree_attach(root, place, NETFILES_DIR, e);

	if (r < 0)
		return r;
	to = openat(place, BUNDLE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0 || file_write_all(to, image->data, image->len) < 0 ||
		file_write_all(to, "\n", 1) < 0 ||
		file_write_all(to, ca->data, ca->len) < 0)
		return err_sys(e, "write the bundle of certificates");
	mnt = mount_clone(to, "", false, e);
	if (mnt < 0)
		return mnt;
	r = mount_restrict(mnt, MOUNT_ATTR_RDONLY, false, e);
	return r < 0 ? r : take_fd(&mnt);
}

/* The bundle that an image brings: the first that is a plain file of a sane size. */
static int read_image_bundle(int root, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < sizeof(bundles) / sizeof(*bundles); i++) {
		struct err quiet;
		auto_fd int fd = path_open_in_root(
			root, bundles[i], O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &quiet);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
			st.st_size > 0 && st.st_size <= BUNDLE_MAX)
			return file_read_fd(fd, bundles[i], BUNDLE_MAX, out, e);
	}
	return 0;
}

/* Several of the names may be links to one file: each is covered once, by what is seen
 * there now. */
static int cover_bundles(int root, struct err *e)
{
	auto_fd int by = open_file(root, BUNDLE, O_PATH, e);
	struct stat own;

	if (by < 0)
		return by;
	if (fstat(by, &own) < 0)
		return err_sys(e, "look at the bundle of certificates");
	for (size_t i = 0; i < sizeof(bundles) / sizeof(*bundles); i++) {
		struct err quiet;
		auto_fd int at = path_open_in_root(root, bundles[i], O_PATH, 0, &quiet);
		struct stat st;
		int r;

		if (at < 0 || fstat(at, &st) < 0 || !S_ISREG(st.st_mode) ||
			(st.st_ino == own.st_ino && st.st_dev == own.st_dev))
			continue;
		r = cover(at, by, e);
		if (r < 0)
			return err_wrap(e, "cover '/%s'", bundles[i]);
	}
	return 0;
}

int netfiles_build(struct root *r, int root, struct err *e)
{
	auto_buf struct buf image = { 0 }, ca = { 0 };
	auto_fd int merged = -1, pem = openat(r->trust, "ca.pem", O_RDONLY | O_CLOEXEC);
	int ret = 0;

	if (pem < 0)
		return err_sys(e, "open the sandbox's CA certificate");
	/* the host's own bundle is what ca-bundle.pem was made from */
	if (r->spec->root != WALL_ROOT_HOST)
		ret = read_image_bundle(root, &image, e);
	if (ret == 0 && image.len)
		ret = file_read_fd(pem, "ca.pem", BUNDLE_MAX, &ca, e);
	if (ret == 0 && image.len) {
		merged = merge(root, &image, &ca, e);
		ret = merged < 0 ? merged : 0;
	}
	if (ret == 0)
		ret = tree_attach(root, r->trust, NETFILES_DIR, e);
	if (ret == 0 && merged >= 0) {
		auto_fd int at = open_file(root, BUNDLE, O_PATH, e);

		ret = at < 0 ? at : mount_attach(merged, at, "", e);
	}
	if (ret == 0)
		ret = cover_resolv_conf(root, e);
	return ret == 0 ? cover_bundles(root, e) : ret;
}
