/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a file is written without a name (O_TMPFILE) and linked in. Only
 * where the name is taken does it need one of its own for a moment, to be renamed from,
 * so that a crash leaves nothing behind but in that moment.
 */
#include "sandbox/place.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"

#include <sys/random.h>

#define TMP_NAME_MAX 40

static void tmp_name(char out[TMP_NAME_MAX])
{
	unsigned long long nonce;

	if (getrandom(&nonce, sizeof(nonce), GRND_NONBLOCK) != sizeof(nonce))
		nonce = (unsigned long long)getpid();
	(void)snprintf(out, TMP_NAME_MAX, ".brig-%016llx.tmp", nonce);
}

int place_open_parent(int root, const char *path, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");

	if (!dir)
		return err_set(e, ENOMEM, "open '%s': out of memory", path);
	*name = slash ? slash + 1 : path;
	if (!path_is_name(*name))
		return err_set(e, EINVAL, "'%s' names no file", path);
	return path_open_plain(root, dir, O_PATH | O_DIRECTORY, 0, e);
}

int place_chmod(int fd, mode_t mode)
{
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return chmod(link, mode) < 0 ? -errno : 0;
}

int place_no_caps(int fd)
{
	/* any chown(2), this one to nobody new, takes them off; removexattr(2) would want
	 * CAP_SETFCAP, which the keeper has given up */
	return fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

int place_dress(int fd, const struct place *as)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (as->uid != PLACE_ANYONE && (st.st_uid != as->uid || st.st_gid != as->gid) &&
		fchown(fd, as->uid, as->gid) < 0)
		return -errno;
	if (fchmod(fd, as->mode) < 0)
		return -errno;
	if (!as->mtime)
		return 0;
	times[1] = *as->mtime;
	return futimens(fd, times) < 0 ? -errno : 0;
}

/* An open file to write, without a name ('tmp' is ""), or under the name 'tmp'. */
static int open_tmp(int dir, char tmp[TMP_NAME_MAX], struct err *e)
{
	int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	tmp[0] = '\0';
	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
		return err_sys(e, "create a file");
	tmp_name(tmp);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(e, "create a file") : fd;
}

/* Give the finished file the name, over whatever file has it. */
static int name_it(
	int dir, int fd, char tmp[TMP_NAME_MAX], const char *name, struct err *e)
{
	char link[64];

	if (!*tmp) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, link, dir, name, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST)
			return err_sys(e, "create '%s'", name);
		tmp_name(tmp);
		if (linkat(AT_FDCWD, link, dir, tmp, AT_SYMLINK_FOLLOW) < 0)
			return err_sys(e, "create '%s'", name);
	}
	return renameat(dir, tmp, dir, name) < 0 ? err_sys(e, "replace '%s'", name) : 0;
}

static int finish(
	int dir, int fd, char tmp[TMP_NAME_MAX], const char *name, const struct place *as)
{
	struct err ignored;
	int r = place_dress(fd, as);

	if (r == 0)
		r = name_it(dir, fd, tmp, name, &ignored);
	if (r < 0 && *tmp)
		(void)unlinkat(dir, tmp, 0);
	return r;
}

int place_file(int dir, const char *name, int from, const struct place *as, struct err *e)
{
	char tmp[TMP_NAME_MAX];
	auto_fd int fd = open_tmp(dir, tmp, e);
	int r;

	if (fd < 0)
		return err_wrap(e, "write '%s'", name);
	r = file_copy_fd(from, fd, e);
	if (r < 0) {
		if (*tmp)
			(void)unlinkat(dir, tmp, 0);
		return err_wrap(e, "write '%s'", name);
	}
	r = finish(dir, fd, tmp, name, as);
	if (r == 0)
		return 0;
	errno = -r;
	return err_sys(e, "write '%s'", name);
}

int place_bytes(int dir, const char *name, const void *data, size_t len,
	const struct place *as, struct err *e)
{
	char tmp[TMP_NAME_MAX];
	auto_fd int fd = open_tmp(dir, tmp, e);
	int r;

	if (fd < 0)
		return err_wrap(e, "write '%s'", name);
	r = file_write_all(fd, data, len);
	if (r < 0 && *tmp)
		(void)unlinkat(dir, tmp, 0);
	if (r == 0)
		r = finish(dir, fd, tmp, name, as);
	if (r == 0)
		return 0;
	errno = -r;
	return err_sys(e, "write '%s'", name);
}

int place_symlink(int dir, const char *name, const char *target, const struct place *as,
	struct err *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	char tmp[TMP_NAME_MAX];
	int r = 0;

	tmp_name(tmp);
	if (symlinkat(target, dir, tmp) < 0)
		return err_sys(e, "create link '%s'", name);
	if (as->uid != PLACE_ANYONE)
		r = fchownat(dir, tmp, as->uid, as->gid, AT_SYMLINK_NOFOLLOW);
	if (r == 0 && as->mtime) {
		times[1] = *as->mtime;
		(void)utimensat(dir, tmp, times, AT_SYMLINK_NOFOLLOW);
	}
	if (r < 0 || renameat(dir, tmp, dir, name) < 0) {
		r = err_sys(e, "create link '%s'", name);
		(void)unlinkat(dir, tmp, 0);
		return r;
	}
	return 0;
}

int place_hardlink(int from, const char *old, int dir, const char *name, struct err *e)
{
	char tmp[TMP_NAME_MAX];
	int r;

	tmp_name(tmp);
	if (linkat(from, old, dir, tmp, 0) < 0)
		return err_sys(e, "link '%s' to '%s'", name, old);
	r = renameat(dir, tmp, dir, name) < 0 ? err_sys(e, "replace '%s'", name) : 0;
	/* also when it went well: between two names of one file rename(2) does nothing */
	(void)unlinkat(dir, tmp, 0);
	return r;
}
