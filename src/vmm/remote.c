/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/remote.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "vmm/machine.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/net.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

struct question {
	uint64_t number, verb;
};

#define WORDS_MAX 200U

struct answer {
	uint64_t number;
	struct remote_figures figures;
	/* REMOTE_SAVE: 1 or 0, or -errno and why */
	int32_t result;
	char why[WORDS_MAX];
};

#define FDS 2U /* of REMOTE_SAVE */

union fds {
	struct cmsghdr head;
	char room[CMSG_SPACE(FDS * sizeof(int))];
};

/* The first answers of this size are few: room for a machine of some CPUs and devices. */
#define STATE_ROOM (256U << 10)

/* --- who asks ------------------------------------------------------------------------------ */

/* 1: got it; 0: something else, or nothing. */
static int take_answer(int fd, uint64_t number, struct answer *a, struct err *e)
{
	ssize_t n = recv(fd, a, sizeof(*a), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return err_sys(e, "hear the VMM's answer");
	if (n == 0)
		return err_set(e, ECONNRESET, "the VMM is gone");
	/* to a question that nobody waits for any more, or nonsense */
	return n == (ssize_t)sizeof(*a) && a->number == number;
}

static int ask(int fd, const struct msghdr *m, struct answer *ret, uint64_t wait_ns,
	struct err *e)
{
	const struct question *q = m->msg_iov[0].iov_base;
	uint64_t now, end = q->number + wait_ns;
	int r = 0;

	if (sendmsg(fd, m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return err_sys(e, "ask the VMM");
	while (r == 0 && (now = clock_mono_ns()) < end) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		(void)poll(&p, 1, (int)((end - now) / NS_PER_MS) + 1);
		r = take_answer(fd, q->number, ret, e);
	}
	if (r < 0)
		return r;
	return r == 0 ? err_set(e, ETIMEDOUT, "the VMM doesn't answer") : 0;
}

int remote_ask(int fd, enum remote_verb verb, struct remote_figures *ret,
	uint64_t wait_ns, struct err *e)
{
	struct question q = { clock_mono_ns(), (uint64_t)verb };
	struct iovec iov = { &q, sizeof(q) };
	const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct answer a;
	int r = ask(fd, &m, &a, wait_ns, e);

	if (r == 0 && ret)
		*ret = a.figures;
	return r;
}

int remote_save(int fd, const struct remote_save *to, uint64_t wait_ns, struct err *e)
{
	struct question q = { clock_mono_ns(), REMOTE_SAVE };
	const int fds[FDS] = { to->state, to->spare };
	struct iovec iov = { &q, sizeof(q) };
	union fds control = { 0 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	auto_free char *why = NULL;
	struct answer a;
	int r;

	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fds)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), fds, sizeof(fds));
	r = ask(fd, &m, &a, wait_ns, e);
	if (r < 0)
		return r;
	if (a.result >= 0)
		return a.result > 0;
	a.why[WORDS_MAX - 1] = '\0';
	why = str_escape(a.why);
	return err_set(e, a.result > -4096 ? -a.result : EIO, "the VMM: %s",
		why ? why : "it can't");
}

/* --- the VMM ------------------------------------------------------------------------------- */

static uint64_t told(const struct balloon_stats *s, unsigned tag)
{
	return s->known >> tag & 1 ? s->value[tag] : 0;
}

static struct remote_figures figures(struct remote *r)
{
	struct remote_figures f = { 0 };
	struct balloon_stats s;
	struct net_stats n;

	if (r->balloon) {
		balloon_get_stats(r->balloon, &s);
		f.memory = told(&s, VIRTIO_BALLOON_S_MEMTOT);
		f.memory_free = told(&s, VIRTIO_BALLOON_S_MEMFREE);
		f.memory_available = told(&s, VIRTIO_BALLOON_S_AVAIL);
		f.memory_cached = told(&s, VIRTIO_BALLOON_S_CACHES);
		f.memory_returned = s.reported + s.inflated;
		if (!r->paused)
			(void)balloon_ask_stats(r->balloon);
	}
	if (r->net) {
		net_stats(r->net, &n);
		f.net_in = n.rx_bytes;
		f.net_out = n.tx_bytes;
	}
	return f;
}

static int write_state(struct remote *r, int fd, struct err *e)
{
	const char *at = r->state.data;
	size_t left = r->state.len;

	while (left) {
		ssize_t n = write(fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(e, "write the machine's state");
		at += n;
		left -= (size_t)n;
	}
	return 0;
}

static void save(struct remote *r, const int fds[FDS], struct answer *a)
{
	bool was_paused = r->paused;
	struct err e = { 0 };
	int res;

	if (fds[0] < 0 || fds[1] < 0) {
		res = err_set(&e, EINVAL, "it takes two files");
	} else {
		if (!was_paused)
			machine_pause(r->machine);
		r->paused = true;
		r->state.len = 0;
		res = machine_has_ended(r->machine)
			? err_set(&e, ESHUTDOWN, "the machine has come to its end")
			: machine_save(r->machine, &r->state, &e);
		res = res < 0 ? res : write_state(r, fds[0], &e);
		res = res < 0 ? res : machine_freeze_memory(r->machine, fds[1], &e);
	}
	a->result = res;
	if (res >= 0)
		return;
	for (size_t i = 0; i + 1 < sizeof(a->why) && e.msg[i]; i++)
		a->why[i] = e.msg[i];
	if (r->paused && !was_paused) {
		r->paused = false;
		machine_resume(r->machine);
	}
}

static void answer(struct remote *r, const struct question *q, const int fds[FDS])
{
	struct answer a = { .number = q->number };
	struct iovec iov = { &a, sizeof(a) };
	const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (q->verb == REMOTE_PAUSE && !r->paused) {
		machine_pause(r->machine);
		/* one that came to its end has somebody to tell so */
		r->paused = !machine_has_ended(r->machine);
	} else if (q->verb == REMOTE_RESUME && r->paused) {
		r->paused = false;
		machine_resume(r->machine);
	} else if (q->verb == REMOTE_FIGURES) {
		a.figures = figures(r);
	} else if (q->verb == REMOTE_SAVE) {
		save(r, fds, &a);
	}
	(void)sendmsg(r->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void close_fds(int fds[FDS])
{
	for (unsigned i = 0; i < FDS; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

/* Descriptors that came with a question: as many as are wanted, or none. */
static void take_fds(struct msghdr *m, int fds[FDS])
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(c),
				c->cmsg_len - CMSG_LEN(0) < FDS * sizeof(int)
					? c->cmsg_len - CMSG_LEN(0)
					: FDS * sizeof(int));
}

/* 1: a question; 0: none now; -ECONNRESET: never again. */
static int take_question(struct remote *r, struct question *q, int fds[FDS], int flags)
{
	struct iovec iov = { q, sizeof(*q) };
	union fds control;
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(r->fd, &m, flags | MSG_CMSG_CLOEXEC);

	fds[0] = fds[1] = -1;
	if (n >= 0)
		take_fds(&m, fds);
	if (n == (ssize_t)sizeof(*q))
		return 1;
	close_fds(fds);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)) ? 0 : -ECONNRESET;
}

/* One question, or none. As take_question(). */
static int serve_question(struct remote *r, int flags)
{
	struct question q;
	int fds[FDS];
	int got = take_question(r, &q, fds, flags);

	if (got > 0) {
		answer(r, &q, fds);
		close_fds(fds);
	}
	return got;
}

static void on_question(void *data)
{
	struct remote *r = data;
	int got = serve_question(r, MSG_DONTWAIT);

	/* the main thread stays here, so that it serves nothing else */
	while (got >= 0 && r->paused)
		got = serve_question(r, 0);
	if (got >= 0)
		return;
	if (r->paused)
		machine_resume(r->machine);
	r->paused = false;
	(void)machine_watch(r->machine, r->fd, NULL, NULL);
}

int remote_listen(struct remote *r, struct err *e)
{
	int code = r->fd < 0 ? 0 : machine_watch(r->machine, r->fd, on_question, r);

	/* in the jail there may be no more memory to be had */
	if (code == 0 && r->fd >= 0)
		code = buf_reserve(&r->state, STATE_ROOM);
	return code < 0 ? err_set(e, -code, "watch for questions: %s", err_text(-code))
			: 0;
}
