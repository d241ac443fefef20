/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parcel.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

int parcel_pair(int ret[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret) <
		0)
		return err_sys(e, "make a socket");
	return 0;
}

int parcel_send_fds(int fd, const struct parcel *p)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(PARCEL_FDS_MAX * sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov[2] = { { (void *)(uintptr_t)&p->type, sizeof(p->type) },
		{ (void *)(uintptr_t)p->data, p->len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (p->len > PARCEL_MAX || p->fds_n > PARCEL_FDS_MAX)
		return -EMSGSIZE;
	if (p->fds_n) {
		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(p->fds_n * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(p->fds_n * sizeof(int));
		memcpy(CMSG_DATA(&control.head), p->fds, p->fds_n * sizeof(int));
	}
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int parcel_send(int fd, uint32_t type, const void *data, size_t len)
{
	union {
		struct cmsghdr head; /* none: only for the alignment of what follows */
		uint32_t type;
	} head = { .type = type };
	struct iovec iov[2] = { { &head.type, sizeof(head.type) },
		{ (void *)(uintptr_t)data, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (len > PARCEL_MAX)
		return -EMSGSIZE;
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

void parcel_close_fds(struct parcel *p)
{
	for (size_t i = 0; i < p->fds_n; i++)
		if (p->fds[i] >= 0)
			(void)close(p->fds[i]);
	p->fds_n = 0;
}

/* What the control part of a message brought, whatever else is wrong with it. */
static bool take_fds(struct msghdr *m, struct parcel *p)
{
	bool good = true;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
			n > PARCEL_FDS_MAX - p->fds_n) {
			good = false;
			continue;
		}
		memcpy(p->fds + p->fds_n, CMSG_DATA(c), n * sizeof(int));
		p->fds_n += n;
	}
	return good;
}

int parcel_recv(int fd, struct parcel *ret)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(PARCEL_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov[2] = { { &ret->type, sizeof(ret->type) },
		{ ret->room, PARCEL_MAX } };
	struct msghdr m = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	ssize_t n;
	bool good;

	ret->fds_n = 0;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (n == 0)
		return 0;
	good = take_fds(&m, ret);
	if (!good || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
		n < (ssize_t)sizeof(ret->type)) {
		parcel_close_fds(ret);
		return -EPROTO;
	}
	ret->len = (size_t)n - sizeof(ret->type);
	ret->room[ret->len] = '\0';
	ret->data = ret->room;
	return 1;
}

int parcel_memfd(const char *name, const void *data, size_t len, struct err *e)
{
	auto_fd int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return err_sys(e, "make a file in memory");
	r = file_write_all(fd, data, len);
	if (r < 0)
		return err_set(e, -r, "write to memory: %s", err_text(-r));
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_sys(e, "seal a file in memory");
	return take_fd(&fd);
}

int parcel_read_memfd(int fd, size_t max, struct buf *out, struct err *e)
{
	size_t at = 0;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < 0)
		return err_sys(e, "look at a message");
	if ((size_t)st.st_size > max)
		return err_set(e, EFBIG, "a message of %lld bytes is too long",
			(long long)st.st_size);
	if (buf_reserve(out, (size_t)st.st_size) < 0)
		return err_set(e, ENOMEM, "out of memory");
	while (at < (size_t)st.st_size) {
		ssize_t n = pread(
			fd, out->data + out->len, (size_t)st.st_size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, EIO, "a message ended early");
		at += (size_t)n;
		out->len += (size_t)n;
		out->data[out->len] = '\0';
	}
	return 0;
}
