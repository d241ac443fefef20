/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control-ask.c - a question to a keeper that has one answer, and descriptors with it.
 */
#include "sandbox/control.h"

#include "base/clock.h"
#include "base/err.h"

#include <poll.h>
#include <sys/socket.h>

#define FDS_MAX 16U

union fds_room {
	struct cmsghdr head;
	char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

int control_send_fds(int sock, const int *fds, size_t n)
{
	union fds_room control = { .room = { 0 } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	ssize_t r;

	if (n == 0 || n > FDS_MAX)
		return -EINVAL;
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : (int)n;
}

int control_take_fds(int sock, int *fds, size_t max)
{
	union fds_room control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	const struct cmsghdr *c;
	int got[FDS_MAX];
	size_t n = 0;
	ssize_t r;

	do
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(got, CMSG_DATA(c), n * sizeof(int));
	}
	if (r == 0 || n == 0 || n > max || (m.msg_flags & MSG_CTRUNC)) {
		for (size_t i = 0; i < n; i++)
			(void)close(got[i]);
		return -EPROTO;
	}
	memcpy(fds, got, n * sizeof(int));
	return (int)n;
}

/* Sleep until the keeper has said something, or takes more. */
static int wait_for(const struct wire *w, short events, uint64_t until, struct err *e)
{
	struct pollfd p = { .fd = w->fd, .events = events };
	uint64_t now = clock_mono_ns();

	if (until && now >= until)
		return err_set(e, ETIMEDOUT, "the keeper does not answer");
	(void)poll(&p, 1, until ? (int)((until - now) / NS_PER_MS) + 1 : -1);
	return 0;
}

static int gone(struct err *e)
{
	return err_set(e, ECONNRESET, "the keeper is gone");
}

static int send_request(
	struct wire *w, const struct control_request *q, uint64_t until, struct err *e)
{
	int r = control_send(w, CONTROL_REQUEST, &control_request_schema, q);

	if (r < 0)
		return err_set(e, -r, "speak to the keeper: %s", err_text(-r));
	for (;;) {
		if (wire_flush(w) < 0)
			return gone(e);
		if (!wire_pending(w))
			return 0;
		r = wait_for(w, POLLOUT, until, e);
		if (r < 0)
			return r;
	}
}

static int take_reply(
	struct wire *w, uint64_t until, struct control_reply *ret, struct err *e)
{
	auto_buf struct buf parts = { 0 };
	struct wire_frame f;
	int r;

	for (;;) {
		r = wire_next(w, &f);
		if (r < 0)
			return err_set(e, -r, "the keeper's answer can't be read");
		if (r > 0 && f.type == CONTROL_REPLY) {
			r = control_take(&f, &parts, &control_reply_schema, ret, e);
			if (r)
				return r < 0 ? r : 0;
		}
		if (r > 0)
			continue;
		r = wire_read(w);
		if (r == -EAGAIN)
			r = wait_for(w, POLLIN, until, e) < 0 ? -ETIMEDOUT : 1;
		if (r == -ETIMEDOUT)
			return r;
		if (r <= 0)
			return gone(e);
	}
}

static int reply_error(const struct control_reply *r, struct err *e)
{
	int code = r->code > 0 && r->code < 4096 ? (int)r->code : EIO;

	(void)err_set(e, code, "%s", r->error ? r->error : "the keeper refused");
	if (r->hint)
		err_hint(e, "%s", r->hint);
	return -code;
}

/* The reply, if it is one that says yes. */
static int take_yes(
	struct wire *w, uint64_t until, struct control_reply *ret, struct err *e)
{
	int r = take_reply(w, until, ret, e);

	if (r == 0 && !ret->ok) {
		r = reply_error(ret, e);
		json_struct_clear(&control_reply_schema, ret);
	}
	return r;
}

int control_ask(const struct control_ask *a, struct control_reply *ret, struct err *e)
{
	uint64_t until = a->wait_ns ? clock_mono_ns() + a->wait_ns : 0;
	struct wire w;
	int r;

	memset(ret, 0, sizeof(*ret));
	wire_init(&w, a->fd);
	r = send_request(&w, a->q, until, e);
	if (r == 0)
		r = take_yes(&w, until, ret, e);
	if (r == 0 && a->fds_n) {
		json_struct_clear(&control_reply_schema, ret);
		r = control_send_fds(a->fd, a->fds, a->fds_n) < 0
			? gone(e)
			: take_yes(&w, until, ret, e);
	}
	w.fd = -1; /* the caller's */
	wire_clear(&w);
	return r;
}
