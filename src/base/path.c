/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

char *path_clean(const char *path)
{
	bool absolute = *path == '/';
	auto_buf struct buf b = { 0 };
	size_t root = absolute ? 1 : 0;

	if (buf_add_str(&b, absolute ? "/" : "") < 0)
		return NULL;
	while (*(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");
		const char *slash = b.len ? strrchr(b.data, '/') : NULL;
		const char *last = slash ? slash + 1 : b.data;

		if (len == 1 && *path == '.') {
			path += len;
			continue;
		}
		if (len == 2 && path[0] == '.' && path[1] == '.' && b.len > root &&
			strcmp(last, "..") != 0) {
			b.len = slash ? (size_t)(slash - b.data) : 0;
			if (b.len < root)
				b.len = root;
			b.data[b.len] = '\0';
		} else if (!(absolute && len == 2 && path[0] == '.' && path[1] == '.')) {
			if ((b.len > root && buf_add_str(&b, "/") < 0) ||
				buf_add(&b, path, len) < 0)
				return NULL;
		}
		path += len;
	}
	if (b.len == 0 && buf_add_str(&b, ".") < 0)
		return NULL;
	return buf_take(&b);
}

char *path_join(const char *base, const char *path)
{
	auto_free char *joined = NULL;

	if (*path == '/')
		return path_clean(path);
	joined = str_printf("%s/%s", base, path);
	return joined ? path_clean(joined) : NULL;
}

bool path_beneath(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return *path == '/';
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool path_is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX && strcmp(name, ".") != 0 &&
		strcmp(name, "..") != 0 && !memchr(name, '/', n);
}

static int open_how(int root, const char *path, uint64_t flags, mode_t mode,
	uint64_t resolve, struct err *e)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = resolve };

	/* EAGAIN: something was renamed while ".." was being resolved; bounded, then given up */
	for (int i = 0; i < 64; i++) {
		long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return err_sys(e, "open '%s'", path);
}

int path_open_beneath(
	int root, const char *path, uint64_t flags, mode_t mode, struct err *e)
{
	return open_how(
		root, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, e);
}

int path_open_plain(
	int root, const char *path, uint64_t flags, mode_t mode, struct err *e)
{
	return open_how(root, path, flags | O_NOFOLLOW, mode,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, e);
}

int path_open_real(const char *path, uint64_t flags, struct err *e)
{
	int r = open_how(AT_FDCWD, path, flags | O_NOFOLLOW, 0,
		RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, e);

	if (r == -ELOOP)
		err_hint(e,
			"a part of it was replaced by a link: name the directory anew");
	return r;
}

int path_open_in_root(
	int root, const char *path, uint64_t flags, mode_t mode, struct err *e)
{
	return open_how(
		root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, e);
}

int path_mkdirs_in_root(int root, const char *path, mode_t mode, struct err *e)
{
	auto_free char *done = strdup("");
	auto_fd int at = fcntl(root, F_DUPFD_CLOEXEC, 3);

	if (at < 0 || !done)
		return err_sys(e, "open '%s'", path);
	while (*(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");
		auto_free char *name = strndup(path, len);
		auto_free char *next = name ? str_printf("%s/%s", done, name) : NULL;
		struct err quiet;
		int fd;

		if (!next)
			return err_set(e, ENOMEM, "open '%s': out of memory", path);
		fd = path_open_in_root(root, next, O_PATH | O_DIRECTORY, 0, &quiet);
		if (fd == -ENOENT) {
			if (mkdirat(at, name, mode) < 0 && errno != EEXIST)
				return err_sys(e, "make directory '%s'", next);
			fd = path_open_in_root(
				root, next, O_PATH | O_DIRECTORY, 0, &quiet);
		}
		if (fd < 0) {
			errno = -fd;
			return err_sys(e, "open directory '%s'", next);
		}
		(void)close(at);
		at = fd;
		free(done);
		done = take_ptr(&next);
		path += len;
	}
	return take_fd(&at);
}
