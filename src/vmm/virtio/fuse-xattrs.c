/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-xattrs.c - extended attributes: the user's, and file capabilities as far as the host
 * lets this process.
 */
#include "vmm/virtio/fuse-priv.h"

#include "base/auto.h"
#include "base/str.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool is_ours(const char *name)
{
	return (str_starts(name, "user.") && strlen(name) <= XATTR_NAME_MAX) ||
		str_eq(name, "security.capability");
}

/* They need a descriptor that is open for real, which others than these can't have. */
static int xattr_open(struct fuse_request *r, struct fuse_fd *ret)
{
	struct fuse_handle *h;
	struct host_stat st;
	int fd;

	*ret = (struct fuse_fd){ .fd = -1 };
	if (r->node->type != S_IFREG && r->node->type != S_IFDIR)
		return -EOPNOTSUPP;
	fuse_lock(r->f);
	h = fuse_handle_of(r->node, -1);
	fuse_unlock(r->f);
	if (h) {
		*ret = (struct fuse_fd){ .fd = h->fd, .real = true, .handle = h };
		return 0;
	}
	fd = fuse_open_real(r->f, r->node, O_RDONLY, &st);
	if (fd < 0)
		return fd;
	*ret = (struct fuse_fd){ .fd = fd, .real = true, .own = true };
	return 0;
}

static int size_reply(struct fuse_request *r, size_t size)
{
	const struct fuse_getxattr_out out = { .size = (uint32_t)size };

	return fuse_reply(r, &out, sizeof(out));
}

int fuse_getxattr(struct fuse_request *r)
{
	struct fuse_getxattr_in in;
	auto_free char *value = NULL;
	size_t at = sizeof(in), room;
	struct fuse_fd fd;
	const char *name = fuse_text(r, &at);
	long n;

	if (!name)
		return -EINVAL;
	if (!is_ours(name))
		return -EOPNOTSUPP;
	memcpy(&in, r->args, sizeof(in));
	room = in.size < XATTR_SIZE_MAX ? in.size : XATTR_SIZE_MAX;
	if (room > r->room)
		return -EINVAL;
	value = malloc(room ? room : 1);
	if (!value)
		return -ENOMEM;
	n = xattr_open(r, &fd);
	/* what can't have any has none */
	if (n == -EOPNOTSUPP)
		return -ENODATA;
	if (n < 0)
		return (int)n;
	n = HOST_AGAIN(fgetxattr(fd.fd, name, value, room));
	fuse_fd_put(r->f, &fd);
	if (n < 0)
		return (int)n;
	return room ? fuse_reply(r, value, (size_t)n) : size_reply(r, (size_t)n);
}

/* The host's list, with only those names left that can be asked for. */
static size_t filter(char *list, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t n = strnlen(list + at, len - at) + 1;

		if (at + n > len)
			break;
		if (is_ours(list + at)) {
			memmove(list + kept, list + at, n);
			kept += n;
		}
		at += n;
	}
	return kept;
}

int fuse_listxattr(struct fuse_request *r)
{
	struct fuse_getxattr_in in;
	auto_free char *list = malloc(XATTR_LIST_MAX);
	struct fuse_fd fd;
	size_t len;
	long n;

	if (!list)
		return -ENOMEM;
	memcpy(&in, r->args, sizeof(in));
	n = xattr_open(r, &fd);
	if (n == 0) {
		n = HOST_AGAIN(flistxattr(fd.fd, list, XATTR_LIST_MAX));
		fuse_fd_put(r->f, &fd);
	}
	if (n < 0 && n != -EOPNOTSUPP)
		return (int)n;
	len = n > 0 ? filter(list, (size_t)n) : 0;
	if (!in.size)
		return size_reply(r, len);
	if (len > in.size || len > r->room)
		return -ERANGE;
	return fuse_reply(r, list, len);
}

int fuse_setxattr(struct fuse_request *r)
{
	struct fuse_setxattr_in in = { 0 };
	size_t at = r->f->setxattr_ext ? sizeof(in) : FUSE_COMPAT_SETXATTR_IN_SIZE;
	struct fuse_fd fd;
	const char *name;
	long n;

	memcpy(&in, r->args, at);
	name = fuse_text(r, &at);
	if (!name || in.size > r->args_len - at ||
		in.flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (!is_ours(name))
		return -EOPNOTSUPP;
	n = xattr_open(r, &fd);
	if (n == -EOPNOTSUPP)
		return -EPERM;
	if (n < 0)
		return (int)n;
	n = HOST_AGAIN(fsetxattr(fd.fd, name, r->args + at, in.size, (int)in.flags));
	fuse_fd_put(r->f, &fd);
	return (int)n;
}

int fuse_removexattr(struct fuse_request *r)
{
	struct fuse_fd fd;
	size_t at = 0;
	const char *name = fuse_text(r, &at);
	long n;

	if (!name)
		return -EINVAL;
	if (!is_ours(name))
		return -EOPNOTSUPP;
	n = xattr_open(r, &fd);
	if (n == -EOPNOTSUPP)
		return -EPERM;
	if (n < 0)
		return (int)n;
	n = HOST_AGAIN(fremovexattr(fd.fd, name));
	fuse_fd_put(r->f, &fd);
	return (int)n;
}
