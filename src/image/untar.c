/* SPDX-License-Identifier: Apache-2.0 */
#include "image/untar.h"

#include "base/auto.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "image/entry.h"
#include "image/tar-feed.h"
#include "linux/idmap.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define XATTRS_MAX  256
#define OPAQUE_NAME "user.overlay.opaque"
#define IMPLIED_MODE \
	0755 /* of a directory that has no entry: moby's ImpliedDirectoryMode */
#define BLOCKS_BETWEEN 64 /* entries between looks at the free space */

struct dir_time { /* a directory's time, set last: making files in it changes it */
	char *path;
	struct timespec mtime;
};

struct untar {
	const struct jail *jail;
	const struct untar_limits *limits;
	struct jail_result *res;
	struct archive *a;
	struct tar_feed feed;
	int root;
	int parent; /* open directory of 'parent_path', or -1 */
	char *parent_path;
	struct dir_time *times;
	size_t times_n, times_cap;
	struct entry_plan plan;
	const char *name; /* of this entry, as the archive has it */
};

static int bad(struct untar *u, int code, const char *why, struct err *e)
{
	return entry_bad(e, code, u->name, why);
}

/* Fail with errno, naming the entry. */
static int bad_sys(struct untar *u, const char *what, struct err *e)
{
	char text[160];
	int code = errno;

	(void)snprintf(text, sizeof(text), "%s: %s", what, strerror(code));
	entry_bad(e, code, u->name, text);
	if (code == ENOSPC || code == EDQUOT)
		err_hint(e, "free some space, or move brig's data with XDG_DATA_HOME");
	return -code;
}

static void forget_parent(struct untar *u)
{
	if (u->parent >= 0)
		(void)close(take_fd(&u->parent));
	free(take_ptr(&u->parent_path));
}

/* One step down from 'at', making a directory that has no entry of its own. */
static int step(struct untar *u, int at, const char *path, struct err *e)
{
	struct err why = { 0 };
	int fd = path_open_beneath(u->root, path, O_RDONLY | O_DIRECTORY, 0, &why);

	if (fd == -ENOENT) {
		const char *name = path_base(path);

		if (mkdirat(at, name, IMPLIED_MODE) < 0 && errno != EEXIST)
			return bad_sys(u, "makes a directory", e);
		fd = path_open_beneath(u->root, path, O_RDONLY | O_DIRECTORY, 0, &why);
	}
	if (fd == -EXDEV || fd == -ELOOP)
		return bad(
			u, EBADMSG, "leads out of the layer through a symbolic link", e);
	if (fd == -ENOTDIR)
		return bad(u, EBADMSG, "is beneath something that is no directory", e);
	if (fd < 0) {
		errno = -fd;
		return bad_sys(u, "is beneath a directory that can't be opened", e);
	}
	return fd;
}

/* The open directory of 'path'; *name is its last component. Not the caller's to close.
 */
static int open_parent(
	struct untar *u, const char *path, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);
	auto_fd int at = -1;

	*name = slash ? slash + 1 : path;
	if (!dir)
		return err_set(e, ENOMEM, "out of memory");
	if (!slash)
		return u->root;
	if (u->parent >= 0 && str_eq(u->parent_path, dir))
		return u->parent;
	at = dup(u->root);
	for (char *end = dir; end && at >= 0;) {
		int next;

		end = strchr(end + 1, '/');
		if (end)
			*end = '\0';
		next = step(u, at, dir, e);
		if (next < 0)
			return next;
		if (end)
			*end = '/';
		(void)close(at);
		at = next;
	}
	forget_parent(u);
	u->parent = take_fd(&at);
	u->parent_path = take_ptr(&dir);
	return u->parent;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* Make way for an entry that comes a second time: the last one counts. */
static int clear_way(struct untar *u, int dir, const char *name, struct err *e)
{
	struct err why = { 0 };
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : bad_sys(u, "can't be looked at", e);
	if (!S_ISDIR(st.st_mode) && unlinkat(dir, name, 0) < 0)
		return bad_sys(u, "can't replace an earlier entry", e);
	if (S_ISDIR(st.st_mode) && file_remove_tree(dir, name, &why) < 0)
		return bad(u, why.code, "can't replace an earlier directory", e);
	forget_parent(u); /* may have been what was removed */
	return 0;
}

static struct timespec mtime_of(struct archive_entry *ae)
{
	return (struct timespec){ archive_entry_mtime(ae), archive_entry_mtime_nsec(ae) };
}

/* A single map has one id, and everything is its. */
static int own(struct untar *u, struct archive_entry *ae, int fd, const char *name,
	struct err *e)
{
	int64_t uid = archive_entry_uid(ae), gid = archive_entry_gid(ae);

	if (u->jail->map->single)
		return 0;
	if (uid < 0 || gid < 0 || uid > UINT32_MAX || gid > UINT32_MAX)
		return bad(u, EBADMSG, "has an owner that is no id", e);
	if (fchownat(fd, name, (uid_t)uid, (gid_t)gid,
		    AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0)
		return 0;
	if (errno == EINVAL) {
		char text[96];

		(void)snprintf(text, sizeof(text),
			"has an owner outside of your ids: %lld:%lld", (long long)uid,
			(long long)gid);
		bad(u, EINVAL, text, e);
		err_hint(e,
			"give yourself more subordinate ids in /etc/subuid and "
			"/etc/subgid");
		return -EINVAL;
	}
	return bad_sys(u, "can't be given its owner", e);
}

/* What programs may rely on, and nothing that the file systems beneath would obey. */
static bool xattr_wanted(const char *name)
{
	return str_eq(name, "security.capability") ||
		(str_starts(name, "user.") && !str_starts(name, "user.overlay."));
}

static int set_xattrs(struct untar *u, struct archive_entry *ae, int fd, struct err *e)
{
	const char *name;
	const void *value;
	size_t size;
	int n = 0;

	(void)archive_entry_xattr_reset(ae);
	while (archive_entry_xattr_next(ae, &name, &value, &size) == ARCHIVE_OK) {
		if (++n > XATTRS_MAX)
			return bad(u, EBADMSG, "has too many extended attributes", e);
		/* a file system without them, or an old kernel: not worth failing an
		 * image */
		if (name && xattr_wanted(name) &&
			fsetxattr(fd, name, value, size, 0) < 0 &&
			(errno == ENOSPC || errno == EDQUOT))
			return bad_sys(u, "can't be given an extended attribute", e);
	}
	return 0;
}

static int finish_open(struct untar *u, struct archive_entry *ae, int fd, struct err *e)
{
	int r = own(u, ae, fd, "", e);

	if (r < 0)
		return r;
	if (fchmod(fd, archive_entry_perm(ae) & 07777) < 0)
		return bad_sys(u, "can't be given its mode", e);
	return set_xattrs(u, ae, fd, e);
}

static int write_data(struct untar *u, struct archive_entry *ae, int fd, struct err *e)
{
	uint64_t size = (uint64_t)archive_entry_size(ae);
	const void *data;
	size_t len;
	int64_t at;
	int r;

	while ((r = archive_read_data_block(u->a, &data, &len, &at)) == ARCHIVE_OK) {
		if (at < 0 || (uint64_t)at > size || len > size - (uint64_t)at)
			return bad(u, EBADMSG, "has more data than its size", e);
		while (len) {
			ssize_t n = pwrite(fd, data, len, at);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return bad_sys(u, "can't be written", e);
			data = (const char *)data + n;
			len -= (size_t)n;
			at += n;
		}
	}
	if (r != ARCHIVE_EOF) {
		auto_free char *shown = str_escape(u->name);
		auto_free char *what = str_printf("entry '%.200s'", shown ? shown : "");

		return tar_feed_failed(u->a, what ? what : "entry", e);
	}
	if (tar_feed_truncated(&u->feed, u->a, ae))
		return bad(u, EBADMSG, "is truncated", e);
	/* the tail of a sparse file */
	return ftruncate(fd, (off_t)size) < 0 ? bad_sys(u, "can't be written", e) : 0;
}

static int check_space(struct untar *u, uint64_t size, struct err *e)
{
	struct statvfs fs;

	if (size > u->limits->bytes - u->res->bytes)
		return bad(u, EFBIG, "makes the layer larger than allowed", e);
	u->res->bytes += size;
	if (size < (1 << 20) && u->res->entries % BLOCKS_BETWEEN)
		return 0;
	if (fstatvfs(u->root, &fs) == 0 && fs.f_blocks &&
		size > (uint64_t)fs.f_bavail * fs.f_frsize) {
		errno = ENOSPC;
		return bad_sys(u, "can't be written", e);
	}
	return 0;
}

static int make_file(struct untar *u, struct archive_entry *ae, struct err *e)
{
	uint64_t size = (uint64_t)archive_entry_size(ae);
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, mtime_of(ae) };
	const char *name;
	int r = check_space(u, size, e), dir;
	auto_fd int fd = -1;

	if (r < 0)
		return r;
	dir = open_parent(u, u->plan.path, &name, e);
	if (dir < 0)
		return dir;
	fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST) {
		r = clear_way(u, dir, name, e);
		dir = r < 0 ? r : open_parent(u, u->plan.path, &name, e);
		if (dir < 0)
			return dir;
		fd = openat(dir, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return bad_sys(u, "can't be made", e);
	r = write_data(u, ae, fd, e);
	if (r == 0)
		r = finish_open(u, ae, fd, e);
	(void)futimens(fd, t); /* a time that the file system can't hold is left */
	return r;
}

static int remember_time(struct untar *u, struct archive_entry *ae, struct err *e)
{
	if (u->times_n == u->times_cap) {
		size_t cap = u->times_cap ? u->times_cap * 2 : 256;
		struct dir_time *grown = realloc(u->times, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, ENOMEM, "out of memory");
		u->times = grown;
		u->times_cap = cap;
	}
	u->times[u->times_n].path = strdup(u->plan.path);
	u->times[u->times_n].mtime = mtime_of(ae);
	return u->times[u->times_n++].path ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int set_opaque(struct untar *u, int fd, struct err *e)
{
	if (fsetxattr(fd, OPAQUE_NAME, "y", 1, 0) == 0)
		return 0;
	bad_sys(u, "hides what is below it, which this file system can't record", e);
	err_hint(e, "keep brig's data on ext4, xfs or btrfs");
	return e ? -e->code : -EIO;
}

static int make_dir(struct untar *u, struct archive_entry *ae, struct err *e)
{
	const char *name;
	struct stat st;
	bool hid = false;
	int dir, r = 0;

	if (!*u->plan.path) {
		r = finish_open(u, ae, u->root, e);
		return r < 0 ? r : remember_time(u, ae, e);
	}
	dir = open_parent(u, u->plan.path, &name, e);
	if (dir < 0)
		return dir;
	if (mkdirat(dir, name, 0700) < 0) {
		if (errno != EEXIST || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return bad_sys(u, "can't be made", e);
		/* a whiteout and then a directory: new, and nothing from below in it */
		hid = is_whiteout(&st);
		if (!S_ISDIR(st.st_mode)) {
			r = clear_way(u, dir, name, e);
			dir = r < 0 ? r : open_parent(u, u->plan.path, &name, e);
			if (dir < 0)
				return dir;
			if (mkdirat(dir, name, 0700) < 0)
				return bad_sys(u, "can't be made", e);
		}
	}
	auto_fd int fd =
		openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return bad_sys(u, "can't be opened", e);
	r = finish_open(u, ae, fd, e);
	if (r == 0 && hid)
		r = set_opaque(u, fd, e);
	return r < 0 ? r : remember_time(u, ae, e);
}

static int make_special(struct untar *u, struct archive_entry *ae, struct err *e)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, mtime_of(ae) };
	bool link = u->plan.verb == ENTRY_SYMLINK;
	const char *name;
	int dir = open_parent(u, u->plan.path, &name, e), r;

	r = dir < 0 ? dir : clear_way(u, dir, name, e);
	dir = r < 0 ? r : open_parent(u, u->plan.path, &name, e);
	if (dir < 0)
		return dir;
	if (link ? symlinkat(u->plan.target, dir, name)
		 : mknodat(dir, name, S_IFIFO | 0600, 0))
		return bad_sys(u, "can't be made", e);
	r = own(u, ae, dir, name, e);
	if (r == 0 && !link && fchmodat(dir, name, archive_entry_perm(ae) & 07777, 0) < 0)
		r = bad_sys(u, "can't be given its mode", e);
	(void)utimensat(dir, name, t, AT_SYMLINK_NOFOLLOW);
	return r;
}

/*
 * Hard links work within the layer alone: each layer is a directory of its own, as in
 * containers/storage and Docker's overlay2, whose layers hold a full copy of such a file.
 */
static int make_hardlink(struct untar *u, struct err *e)
{
	auto_fd int from = -1;
	const char *name, *target;
	struct stat st;
	int dir = open_parent(u, u->plan.target, &target, e), r;

	from = dir < 0 ? -1 : dup(dir);
	if (dir < 0)
		return dir;
	if (fstatat(from, target, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			? bad(u, EBADMSG, "is a hard link to what this layer lacks", e)
			: bad_sys(u, "is a hard link to what can't be looked at", e);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode) && !S_ISFIFO(st.st_mode))
		return bad(u, EBADMSG, "is a hard link to what is no file", e);
	if (str_eq(u->plan.path, u->plan.target))
		return 0;
	dir = open_parent(u, u->plan.path, &name, e);
	r = dir < 0 ? dir : clear_way(u, dir, name, e);
	dir = r < 0 ? r : open_parent(u, u->plan.path, &name, e);
	if (dir < 0)
		return dir;
	return linkat(from, target, dir, name, 0) < 0 ? bad_sys(u, "can't be linked", e)
						      : 0;
}

/* Hides NAME of the layers below; what this layer itself has of that name stays seen. */
static int make_whiteout(struct untar *u, struct err *e)
{
	const char *name;
	struct stat st;
	int dir = open_parent(u, u->plan.path, &name, e);

	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISDIR(st.st_mode))
			return 0;
		auto_fd int fd = openat(
			dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		return fd < 0 ? bad_sys(u, "can't be opened", e) : set_opaque(u, fd, e);
	}
	/* needs no privilege since Linux 5.8 */
	return mknodat(dir, name, S_IFCHR, makedev(0, 0)) < 0
		? bad_sys(u, "can't be made", e)
		: 0;
}

static int make_opaque(struct untar *u, struct err *e)
{
	auto_fd int fd = -1;
	const char *name;
	int dir;

	if (!*u->plan.path)
		return 0; /* the root of a layer: Docker ignores it too, there is a base
			     below */
	dir = open_parent(u, u->plan.path, &name, e);
	if (dir < 0)
		return dir;
	if (mkdirat(dir, name, IMPLIED_MODE) < 0 && errno != EEXIST)
		return bad_sys(u, "can't be made", e);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? bad_sys(u, "can't be opened", e) : set_opaque(u, fd, e);
}

static int apply(struct untar *u, struct archive_entry *ae, struct err *e)
{
	struct entry in = { .name = archive_entry_pathname(ae),
		.symlink = archive_entry_symlink(ae),
		.hardlink = archive_entry_hardlink(ae),
		.type = archive_entry_filetype(ae),
		.size = (uint64_t)archive_entry_size(ae) };
	int r;

	u->name = in.name ? in.name : "";
	if (++u->res->entries > u->limits->entries)
		return bad(u, EFBIG, "is one more than a layer may have", e);
	if (archive_entry_size(ae) < 0)
		return bad(u, EBADMSG, "has a negative size", e);
	r = entry_decide(&in, &u->plan, e);
	if (r < 0)
		return r;
	switch (u->plan.verb) {
	case ENTRY_DROP: return 0;
	case ENTRY_DIR: return make_dir(u, ae, e);
	case ENTRY_FILE: return make_file(u, ae, e);
	case ENTRY_SYMLINK:
	case ENTRY_FIFO: return make_special(u, ae, e);
	case ENTRY_HARDLINK: return make_hardlink(u, e);
	case ENTRY_WHITEOUT: return make_whiteout(u, e);
	case ENTRY_OPAQUE: return make_opaque(u, e);
	}
	return -EINVAL;
}

static void set_times(struct untar *u)
{
	for (size_t i = u->times_n; i-- > 0;) {
		const char *path = u->times[i].path;
		struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, u->times[i].mtime };
		auto_fd int fd = path_open_plain(
			u->root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0, NULL);

		if (fd >= 0)
			(void)futimens(fd, t);
	}
}

static int each_entry(struct untar *u, struct err *e)
{
	struct archive_entry *ae;
	int r;

	/* made by the caller; what has no entry of its own belongs to root */
	if (fchmod(u->root, IMPLIED_MODE) < 0 ||
		(!u->jail->map->single && fchown(u->root, 0, 0) < 0))
		return err_sys(e, "own the layer's directory");
	for (;;) {
		r = archive_read_next_header(u->a, &ae);
		if (r == ARCHIVE_EOF)
			break;
		/* a warning is about characters of a name: they are kept as they are */
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return tar_feed_failed(u->a, "the layer's tar", e);
		r = apply(u, ae, e);
		if (r < 0)
			return r;
	}
	set_times(u);
	return tar_feed_drain(&u->feed, e);
}

int untar_run(const struct jail *j, struct jail_result *res, struct err *e)
{
	struct untar *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return err_set(e, ENOMEM, "out of memory");
	u->jail = j;
	u->limits = j->arg;
	u->res = res;
	u->parent = -1;
	u->root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = u->root < 0 ? err_sys(e, "open the layer")
			: tar_feed_open(&u->feed, j->in, false, &u->a, e);
	if (r == 0)
		r = each_entry(u, e);
	if (u->a)
		(void)archive_read_free(u->a);
	forget_parent(u);
	for (size_t i = 0; i < u->times_n; i++)
		free(u->times[i].path);
	free(u->times);
	if (u->root >= 0)
		(void)close(u->root);
	free(u);
	return r;
}
