/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/console.h"

#include "base/err.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ID            3
#define QUEUE_SIZE    64
#define STATE_VERSION 1
#define PIECE         4096U /* PIPE_BUF: what is ready for output takes as much */

struct console {
	struct virtio_device d; /* d.fd: an epoll set of 'in' and 'out' */
	int out, in;
	bool in_end, out_end;
	bool starved;  /* of buffers for input */
	bool out_full; /* the rest of a request waits: */
	uint64_t done; /* so much of it is out */
	uint32_t in_watched, out_watched;
	struct vq_chain chain;
	struct iovec iov[VQ_SEGMENTS_MAX];
};

static struct console *console_of(struct virtio_device *d)
{
	return (struct console *)(void *)d;
}

static bool is_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) == 1;
}

static void watch(struct console *c, int fd, uint32_t events, uint32_t *watched)
{
	struct epoll_event ev = { .events = events };
	int op = !events ? EPOLL_CTL_DEL : *watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (fd < 0 || events == *watched)
		return;
	if (epoll_ctl(c->d.fd, op, fd, &ev) == 0)
		*watched = events;
}

static void rearm(struct console *c)
{
	watch(c, c->in, c->starved || c->in_end ? 0 : EPOLLIN, &c->in_watched);
	watch(c, c->out, c->out_full ? EPOLLOUT : 0, &c->out_watched);
}

/* The chain's bytes from c->done on. True: all are out, or will never be. */
static bool put(struct console *c)
{
	while (!c->out_end && c->done < c->chain.out_len) {
		unsigned k = chain_out_iov(&c->chain, c->done, PIECE, c->iov);
		ssize_t r;

		if (!is_ready(c->out, POLLOUT))
			return false;
		r = writev(c->out, c->iov, (int)k);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN)
			return false;
		if (r <= 0)
			c->out_end = true;
		else
			c->done += (uint64_t)r;
	}
	c->done = 0;
	return true;
}

static void serve_out(struct console *c)
{
	struct virtio_device *d = &c->d;
	struct virtqueue *q = &d->queues[CONSOLE_TX];
	unsigned n;

	for (n = 0; n < q->size; n++) {
		int r = virtqueue_pop(q, &c->chain);

		if (r < 0) {
			virtio_broken(d);
			return;
		}
		if (r == 0 && !virtqueue_kick_on(q))
			break;
		if (r == 0)
			continue;
		c->out_full = !put(c);
		if (c->out_full) {
			virtqueue_unpop(q);
			break;
		}
		virtqueue_push(q, c->chain.head, 0);
	}
	if (n == q->size)
		virtio_notify_later(d, CONSOLE_TX);
	virtio_interrupt(d, CONSOLE_TX);
}

/* One buffer of input: as much as there is. */
static void serve_in(struct console *c)
{
	struct virtqueue *q = &c->d.queues[CONSOLE_RX];
	int r = virtqueue_pop(q, &c->chain);
	ssize_t got;
	unsigned k;

	if (r == 0 && virtqueue_kick_on(q))
		r = virtqueue_pop(q, &c->chain);
	if (r < 0 || (r == 1 && c->chain.in_len == 0)) {
		virtio_broken(&c->d);
		return;
	}
	if (r == 0) {
		c->starved = true;
		return;
	}
	k = chain_in_iov(&c->chain, 0, PIECE, c->iov);
	got = readv(c->in, c->iov, (int)k);
	if (got <= 0) {
		c->in_end = got == 0 || (errno != EAGAIN && errno != EINTR);
		virtqueue_unpop(q);
		return;
	}
	virtqueue_push(q, c->chain.head, (uint32_t)got);
	virtio_interrupt(&c->d, CONSOLE_RX);
}

static void console_notify(struct virtio_device *d, unsigned queue)
{
	struct console *c = console_of(d);

	if (queue == CONSOLE_RX)
		c->starved = false;
	else if (!c->out_full)
		serve_out(c);
	rearm(c);
}

static void console_ready(struct virtio_device *d, uint32_t events)
{
	struct console *c = console_of(d);

	(void)events;
	if (c->in >= 0 && !c->in_end && !c->starved && is_ready(c->in, POLLIN))
		serve_in(c);
	if (c->out_full && !d->broken)
		serve_out(c);
	rearm(c);
}

static int console_activate(struct virtio_device *d)
{
	rearm(console_of(d));
	return virtio_watch(d, d->fd, EPOLLIN);
}

static void console_reset(struct virtio_device *d)
{
	struct console *c = console_of(d);

	c->starved = c->out_full = false;
	c->done = 0;
	watch(c, c->in, 0, &c->in_watched);
	watch(c, c->out, 0, &c->out_watched);
}

static int console_save(struct virtio_device *d, struct buf *to)
{
	if (state_put8(to, STATE_VERSION) < 0)
		return -ENOMEM;
	return state_put64(to, console_of(d)->done);
}

static int console_restore(struct virtio_device *d, struct span *from)
{
	uint8_t version;

	if (state_get8(from, &version) < 0 || version != STATE_VERSION ||
		state_get64(from, &console_of(d)->done) < 0)
		return -EBADMSG;
	return console_activate(d);
}

static const struct virtio_ops ops = {
	.name = "console",
	.id = ID,
	.queues = CONSOLE_QUEUES,
	.queue_size = QUEUE_SIZE,
	.activate = console_activate,
	.reset = console_reset,
	.notify = console_notify,
	.ready = console_ready,
	.save = console_save,
	.restore = console_restore,
	.free = console_free,
};

struct virtio_device *console_new(int out, int in, struct err *e)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c || virtio_device_init(&c->d, &ops) < 0) {
		free(c);
		(void)err_set(e, ENOMEM, "console: out of memory");
		return NULL;
	}
	c->out = c->in = -1;
	c->d.fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->d.fd < 0) {
		(void)err_sys(e, "console: epoll_create1");
		console_free(&c->d);
		return NULL;
	}
	c->out = out;
	c->in = in;
	return &c->d;
}

void console_free(struct virtio_device *d)
{
	struct console *c = console_of(d);

	if (!d)
		return;
	if (c->out >= 0)
		(void)close(c->out);
	if (c->in >= 0)
		(void)close(c->in);
	if (d->fd >= 0)
		(void)close(d->fd);
	virtio_device_clear(d);
	free(c);
}
