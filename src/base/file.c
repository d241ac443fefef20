/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <dirent.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/syscall.h>

int file_read_fd(int fd, const char *name, size_t max, struct buf *out, struct err *e)
{
	size_t start = out->len;

	for (;;) {
		size_t room = max - (out->len - start) + 1;
		ssize_t n = buf_read(out, fd, room < 16384 ? room : 16384);

		if (n < 0) {
			errno = (int)-n;
			return err_sys(e, "read '%s'", name);
		}
		if (n == 0)
			return 0;
		if (out->len - start > max)
			return err_set(
				e, EFBIG, "'%s' is larger than %zu bytes", name, max);
	}
}

int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *e)
{
	auto_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return file_read_fd(fd, path, max, out, e);
}

int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The directory that holds 'path', opened; for fsync. */
static int sync_parent(int dirfd, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = slash
		? strndup(path, slash == path ? 1 : (size_t)(slash - path))
		: strdup(".");
	auto_fd int fd =
		dir ? openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, "sync the directory of '%s'", path);
	return 0;
}

static int write_beside(int dirfd, const char *tmp, const void *data, size_t len,
	mode_t mode, unsigned flags, struct err *e)
{
	auto_fd int fd =
		openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return err_sys(e, "create '%s'", tmp);
	r = file_write_all(fd, data, len);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && (flags & FILE_DURABLE) && fsync(fd) < 0)
		r = -errno;
	if (r < 0) {
		errno = -r;
		return err_sys(e, "write '%s'", tmp);
	}
	return 0;
}

int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
	unsigned flags, struct err *e)
{
	unsigned nonce;
	auto_free char *tmp = NULL;
	int r;

	if (getrandom(&nonce, sizeof(nonce), GRND_NONBLOCK) != sizeof(nonce))
		nonce = (unsigned)getpid();
	tmp = str_printf("%s.%08x.tmp", path, nonce);
	if (!tmp)
		return err_set(e, ENOMEM, "write '%s': out of memory", path);
	r = write_beside(dirfd, tmp, data, len, mode, flags, e);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = err_sys(e, "replace '%s'", path);
	if (r < 0) {
		(void)unlinkat(dirfd, tmp, 0);
		return r;
	}
	return flags & FILE_DURABLE ? sync_parent(dirfd, path, e) : 0;
}

int file_poke(int dirfd, const char *path, const char *text, struct err *e)
{
	auto_fd int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	if (write(fd, text, strlen(text)) < 0)
		return err_sys(e, "write '%s' to '%s'", text, path);
	return 0;
}

int file_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e)
{
	auto_free char *copy = NULL;

	if (mkdirat(dirfd, path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, "make directory '%s'", path);
	copy = strdup(path);
	if (!copy)
		return err_set(e, ENOMEM, "make directory '%s': out of memory", path);
	for (char *p = copy + (*copy == '/'); (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return err_sys(e, "make directory '%s'", copy);
	}
	if (mkdirat(dirfd, path, mode) < 0 && errno != EEXIST)
		return err_sys(e, "make directory '%s'", path);
	return 0;
}

int file_open_dir(int dirfd, const char *path, mode_t mode, struct err *e)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return err_sys(e, "open directory '%s'", path);
	r = file_mkdirs(dirfd, path, mode, e);
	if (r < 0)
		return r;
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open directory '%s'", path) : fd;
}

static int remove_at(int dirfd, const char *name, dev_t dev, int depth, struct err *e);

static int remove_inside(int fd, const char *name, int depth, struct err *e)
{
	struct stat st;
	DIR *dir = fdopendir(fd);
	int first = 0;

	if (!dir) {
		first = err_sys(e, "open directory '%s'", name);
		(void)close(fd);
		return first;
	}
	if (fstat(dirfd(dir), &st) < 0)
		first = err_sys(e, "stat '%s'", name);
	for (struct dirent *d; first == 0 && (d = readdir(dir));) {
		int r;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN)
			r = unlinkat(dirfd(dir), d->d_name, 0) < 0 && errno != ENOENT
				? err_sys(e, "remove '%s'", d->d_name)
				: 0;
		else
			r = remove_at(dirfd(dir), d->d_name, st.st_dev, depth, e);
		if (r < 0)
			first = r;
	}
	(void)closedir(dir);
	return first;
}

/* Directories deeper than this are made by someone who means harm; one descriptor each. */
#define REMOVE_DEPTH_MAX 512

/*
 * Make a directory ours to empty. Not with fchmodat(2), which follows: whoever swaps the
 * name for a link meanwhile would have the mode of a stranger's file changed.
 */
static bool unlock_dir(int dirfd, const char *name)
{
	auto_fd int fd =
		openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return fd >= 0 && chmod(link, 0700) == 0;
}

static int open_to_remove(int dirfd, const char *name, struct err *e)
{
	static const int flags =
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int fd = openat(dirfd, name, flags);

	/* a directory of mode 000, as overlayfs leaves in its work directory */
	if (fd < 0 && errno == EACCES && unlock_dir(dirfd, name))
		fd = openat(dirfd, name, flags);
	return fd < 0 ? err_sys(e, "open directory '%s'", name) : fd;
}

static int remove_at(int dirfd, const char *name, dev_t dev, int depth, struct err *e)
{
	struct stat st;
	int fd, r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return err_sys(e, "remove '%s'", name);
	/* not there any more: another process removes the same tree */
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES)
		return err_sys(e, "remove '%s'", name);
	if (depth > REMOVE_DEPTH_MAX)
		return err_set(
			e, ELOOP, "remove '%s': directories nested too deeply", name);
	fd = open_to_remove(dirfd, name, e);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0 || (dev && st.st_dev != dev)) {
		(void)close(fd);
		return err_set(e, EXDEV, "remove '%s': it is a mount point", name);
	}
	r = remove_inside(fd, name, depth + 1, e);
	if (r < 0) {
		/* a read-only directory: make it ours and try once more */
		if (r != -EACCES || !unlock_dir(dirfd, name))
			return r;
		fd = open_to_remove(dirfd, name, e);
		if (fd < 0)
			return fd;
		r = remove_inside(fd, name, depth + 1, e);
		if (r < 0)
			return r;
	}
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove '%s'", name);
	return 0;
}

int file_remove_tree(int dirfd, const char *path, struct err *e)
{
	return remove_at(dirfd, path, 0, 0, e);
}

/* What copy_file_range can't (another file system, a pseudo file) goes by hand. */
static ssize_t copy_by_hand(int from, int to, size_t len)
{
	char chunk[65536];
	ssize_t n;
	int r;

	do
		n = read(from, chunk, len < sizeof(chunk) ? len : sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	r = file_write_all(to, chunk, (size_t)n);
	return r < 0 ? r : n;
}

int64_t file_copy_part(int from, int to, uint64_t len, struct err *e)
{
	bool in_kernel = true;
	uint64_t done = 0;

	while (done < len) {
		size_t want = len - done < 1U << 30 ? (size_t)(len - done) : 1U << 30;
		ssize_t n =
			in_kernel ? copy_file_range(from, NULL, to, NULL, want, 0) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT))
			return err_sys(e, "write");
		if (n <= 0) {
			in_kernel = false;
			n = copy_by_hand(from, to, want);
		}
		if (n < 0) {
			errno = (int)-n;
			return err_sys(e, "copy");
		}
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

int64_t file_skip_hole(int from, int to)
{
	off_t at = lseek(from, 0, SEEK_CUR), there = lseek(to, 0, SEEK_CUR), data, hole;

	if (at < 0 || there < 0)
		return INT64_MAX;
	data = lseek(from, at, SEEK_DATA);
	if (data < 0 && errno == ENXIO) {
		data = lseek(from, 0, SEEK_END);
		/* one of /proc says that it is empty, and isn't */
		if (data == 0 && at == 0)
			return INT64_MAX;
		/* nothing but a hole is left, or nothing at all */
		if (data > at && ftruncate(to, there + (data - at)) < 0)
			return -errno;
		return 0;
	}
	/* a pseudo file doesn't know of holes */
	if (data < 0)
		return INT64_MAX;
	hole = lseek(from, data, SEEK_HOLE);
	if (lseek(from, data, SEEK_SET) < 0 ||
		lseek(to, there + (data - at), SEEK_SET) < 0)
		return -errno;
	return hole > data ? hole - data : INT64_MAX;
}

int file_copy_fd(int from, int to, struct err *e)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	for (;;) {
		int64_t len = file_skip_hole(from, to), n;

		if (len < 0) {
			errno = (int)-len;
			return err_sys(e, "copy");
		}
		n = len == 0 ? 0 : file_copy_part(from, to, (uint64_t)len, e);
		if (n <= 0)
			return (int)n;
	}
}
