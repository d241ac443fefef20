/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/remote.h"

#include "base/clock.h"
#include "base/err.h"
#include "vmm/machine.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/net.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <poll.h>
#include <sys/socket.h>

struct question {
	uint64_t number, verb;
};

struct answer {
	uint64_t number;
	struct remote_figures figures;
};

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

int remote_ask(int fd, enum remote_verb verb, struct remote_figures *ret,
	uint64_t wait_ns, struct err *e)
{
	struct question q = { clock_mono_ns(), (uint64_t)verb };
	uint64_t now, end = q.number + wait_ns;
	struct answer a;
	int r = 0;

	if (send(fd, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return err_sys(e, "ask the VMM");
	while (r == 0 && (now = clock_mono_ns()) < end) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		(void)poll(&p, 1, (int)((end - now) / NS_PER_MS) + 1);
		r = take_answer(fd, q.number, &a, e);
	}
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, ETIMEDOUT, "the VMM doesn't answer");
	if (ret)
		*ret = a.figures;
	return 0;
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

static void answer(struct remote *r, const struct question *q)
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
	}
	(void)sendmsg(r->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* 1: a question; 0: none now; -ECONNRESET: never again. */
static int take_question(struct remote *r, struct question *q, int flags)
{
	struct iovec iov = { q, sizeof(*q) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(r->fd, &m, flags);

	if (n == (ssize_t)sizeof(*q))
		return 1;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)) ? 0 : -ECONNRESET;
}

static void on_question(void *data)
{
	struct remote *r = data;
	struct question q;
	int got = take_question(r, &q, MSG_DONTWAIT);

	if (got > 0)
		answer(r, &q);
	/* the main thread stays here, so that it serves nothing else */
	while (got >= 0 && r->paused) {
		got = take_question(r, &q, 0);
		if (got > 0)
			answer(r, &q);
	}
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

	return code < 0 ? err_set(e, -code, "watch for questions: %s", err_text(-code))
			: 0;
}
