/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. To receive, buffers of the guest's are taken until they hold the
 * largest frame there is, the frame is read into them, those that it filled are returned
 * and the others put back for the next. Where the guest has fewer, it depends on the frame
 * that waits (peek_size()): one that fits is taken, another waits for the guest's next
 * buffers, except if its whole queue couldn't hold it.
 *
 * To send, a frame is written out of the guest's memory in the thread of the CPU that kicked.
 * If the descriptor takes none now, the main thread goes on once it does. A device with limits
 * is the main thread's altogether.
 */
#include "vmm/virtio/net.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/wire.h"

#include <fcntl.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ID            1
#define QUEUE_SIZE    256
#define STATE_VERSION 1

#define HOST_HEADER  10U /* struct virtio_net_hdr: what the descriptor has */
#define GUEST_HEADER 12U /* and num_buffers: what the guest has, section 5.1.6 */
#define FRAME_MIN    14U
#define FRAME_MAX    (65536U + 14U + 8U) /* Ethernet with two VLAN tags */

#define WINDOW_CHAINS 256U
#define WINDOW_IOV    512U /* below IOV_MAX */

#define BIT(n) (1ULL << (n))

struct net {
	struct virtio_device d;
	int fd, timer;
	bool limited;
	bool dead;       /* the descriptor gives nothing any more */
	bool starved;    /* of buffers of the guest's */
	bool rx_waiting; /* for the timer */
	bool tx_waiting; /* for the timer or, if tx_full, the descriptor */
	bool tx_full;
	uint32_t watched;
	uint64_t timer_at; /* when the timer fires; 0: it is silent */
	uint8_t mac[6];
	uint16_t mtu;
	struct ratelimit rx_limit, tx_limit;
	struct net_stats stats;
	struct vq_chain chain;
	struct iovec iov[WINDOW_IOV + 2];
	struct {
		uint16_t head;
		uint32_t len;
	} window[WINDOW_CHAINS];
};

static struct net *net_of(struct virtio_device *d)
{
	return (struct net *)(void *)d;
}

/* There is one timer for both directions: the sooner one has it, and both look again then. */
static void wake_after(struct net *n, uint64_t wait)
{
	uint64_t now = clock_mono_ns();
	uint64_t at = wait < UINT64_MAX - now ? now + wait : UINT64_MAX;

	if (n->timer_at && n->timer_at <= at)
		return;
	n->timer_at = at;
	ratelimit_timer_arm(n->timer, wait);
}

/* --- to the guest ---------------------------------------------------------------------- */

/* Buffers that are taken for the next frame. */
struct window {
	unsigned chains, iovs;
	uint64_t len;
	bool all;     /* that the driver can ever give, or more than are looked at */
	void *header; /* in the guest's memory */
};

/*
 * Take the next buffer. The first one begins with the header, which is read into one of our
 * own (n->iov[0]), to be looked at before the guest sees it. 1, 0 for none, -EPROTO.
 */
static int take_buffer(struct net *n, struct window *w)
{
	struct virtqueue *q = &n->d.queues[NET_RX];
	struct vq_chain *c = &n->chain;
	size_t skip = w->chains ? 0 : GUEST_HEADER;
	struct iovec iov[VQ_SEGMENTS_MAX];
	int r = virtqueue_pop(q, c);
	unsigned k;

	if (r != 1)
		return r;
	/* a header in pieces: no driver that is known has such */
	if (c->in_len <= skip || c->seg[c->out_n].iov_len < skip)
		return -EPROTO;
	k = chain_in_iov(c, skip, c->in_len - skip, iov);
	if (k > WINDOW_IOV - w->iovs) {
		w->all = true;
		virtqueue_unpop(q);
		return 0;
	}
	if (w->chains == 0)
		w->header = c->seg[c->out_n].iov_base;
	memcpy(n->iov + w->iovs, iov, k * sizeof(*iov));
	w->iovs += k;
	w->len += c->in_len - skip;
	n->window[w->chains].head = c->head;
	n->window[w->chains].len = (uint32_t)c->in_len;
	w->chains++;
	return 1;
}

/* Take buffers until they hold any frame. 1, 0 for none at all, -EPROTO. */
static int take_window(struct net *n, struct window *w)
{
	bool mergeable = virtio_has(&n->d, VIRTIO_NET_F_MRG_RXBUF);
	int r = 1;

	*w = (struct window){ .iovs = 1 };
	while (r == 1 && w->len < FRAME_MAX && w->chains < WINDOW_CHAINS) {
		r = take_buffer(n, w);
		if (!mergeable)
			break;
	}
	if (r < 0)
		return r;
	if (w->chains >= n->d.queues[NET_RX].size || w->chains == WINDOW_CHAINS ||
		(w->chains && !mergeable))
		w->all = true;
	return w->chains != 0;
}

/* How long is the frame that waits? 0: that can't be told. */
static size_t peek_size(struct net *n)
{
	uint8_t header[HOST_HEADER];
	struct iovec iov = { header, sizeof(header) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r = recvmsg(n->fd, &m, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	return r > (ssize_t)HOST_HEADER ? (size_t)r - HOST_HEADER : 0;
}

/* May the guest have a frame with this header? It must have agreed to do the rest of it. */
static bool guest_takes(const struct net *n, const struct virtio_net_hdr *h)
{
	unsigned type = h->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;

	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
		!virtio_has(&n->d, VIRTIO_NET_F_GUEST_CSUM))
		return false;
	if (h->gso_type & VIRTIO_NET_HDR_GSO_ECN &&
		!virtio_has(&n->d, VIRTIO_NET_F_GUEST_ECN))
		return false;
	return type == VIRTIO_NET_HDR_GSO_NONE ||
		(type == VIRTIO_NET_HDR_GSO_TCPV4 &&
			virtio_has(&n->d, VIRTIO_NET_F_GUEST_TSO4)) ||
		(type == VIRTIO_NET_HDR_GSO_TCPV6 &&
			virtio_has(&n->d, VIRTIO_NET_F_GUEST_TSO6));
}

/* Return the buffers that hold 'len' bytes of a frame. How many they were. */
static unsigned return_buffers(struct net *n, size_t len)
{
	struct virtqueue *q = &n->d.queues[NET_RX];
	unsigned used = 0;

	len += GUEST_HEADER;
	do {
		uint32_t part = n->window[used].len;

		if (part > len)
			part = (uint32_t)len;
		virtqueue_fill(q, (uint16_t)used, n->window[used].head, part);
		len -= part;
		used++;
	} while (len);
	return used;
}

/* One frame into the window. 1, 0 for none now or ever. The window is spent. */
static int receive_into(struct net *n, struct window *w)
{
	struct virtqueue *q = &n->d.queues[NET_RX];
	struct virtio_net_hdr_mrg_rxbuf h = { 0 };
	struct msghdr m = { .msg_iov = n->iov };
	unsigned used = 0;
	uint8_t beyond;
	ssize_t r;
	size_t len;

	n->iov[0] = (struct iovec){ &h.hdr, HOST_HEADER };
	n->iov[w->iovs] = (struct iovec){ &beyond, 1 };
	m.msg_iovlen = w->iovs + 1U;
	do
		r = recvmsg(n->fd, &m, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r <= 0) {
		/* a link that is down says so once, and comes again */
		n->dead = r == 0 ||
			(errno != EAGAIN && errno != ENETDOWN && errno != ENOBUFS);
		virtqueue_unpop_n(q, (uint16_t)w->chains);
		return 0;
	}
	len = (size_t)r > HOST_HEADER ? (size_t)r - HOST_HEADER : 0;
	if (len == 0 || len > w->len || !guest_takes(n, &h.hdr)) {
		n->stats.rx_dropped++;
	} else {
		used = return_buffers(n, len);
		h.num_buffers = (uint16_t)used;
		if (!virtio_has(&n->d, VIRTIO_NET_F_GUEST_CSUM))
			h.hdr.flags = 0;
		memcpy(w->header, &h, GUEST_HEADER);
		n->stats.rx_frames++;
		n->stats.rx_bytes += len;
	}
	virtqueue_unpop_n(q, (uint16_t)(w->chains - used));
	virtqueue_flush(q, (uint16_t)used);
	ratelimit_spend(&n->rx_limit, len);
	return 1;
}

/* 1: there may be more; 0; -EPROTO. */
static int receive_one(struct net *n)
{
	struct virtqueue *q = &n->d.queues[NET_RX];
	struct window w;
	uint64_t wait = n->limited ? ratelimit_wait(&n->rx_limit, clock_mono_ns()) : 0;
	int r;

	if (wait) {
		n->rx_waiting = true;
		wake_after(n, wait);
		return 0;
	}
	r = take_window(n, &w);
	if (r < 0)
		return r;
	if (w.len < FRAME_MAX && !w.all && (r == 0 || peek_size(n) > w.len)) {
		bool more = virtqueue_kick_on(q); /* asks behind those that were taken */

		virtqueue_unpop_n(q, (uint16_t)w.chains);
		n->starved = !more;
		return more;
	}
	return r == 0 ? 0 : receive_into(n, &w);
}

static void serve_rx(struct net *n)
{
	unsigned turns = n->d.queues[NET_RX].size;
	int r = 1;

	while (r == 1 && turns-- && !n->starved && !n->dead)
		r = receive_one(n);
	if (r < 0)
		virtio_broken(&n->d);
	else
		virtio_interrupt(&n->d, NET_RX);
}

/* --- from the guest -------------------------------------------------------------------- */

/*
 * Should:   let pass what Linux's, BSD's and other drivers send.
 * Mustn't:  hand the host's kernel a header whose numbers don't fit the frame, or a kind of
 *           segments that wasn't agreed on.
 */
static bool header_is_good(const struct net *n, struct virtio_net_hdr *h, size_t len)
{
	unsigned type = h->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;

	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		/* segments have checksums that somebody has to fill in, section 5.1.6.2.1 */
		if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE)
			return false;
		*h = (struct virtio_net_hdr){ 0 };
		return true;
	}
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (!virtio_has(&n->d, VIRTIO_NET_F_CSUM) || h->csum_start < FRAME_MIN ||
		(size_t)h->csum_start + h->csum_offset + 2 > len)
		return false;
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		h->gso_size = h->hdr_len = 0;
		return true;
	}
	if (h->gso_type & VIRTIO_NET_HDR_GSO_ECN &&
		!virtio_has(&n->d, VIRTIO_NET_F_HOST_ECN))
		return false;
	if (!(type == VIRTIO_NET_HDR_GSO_TCPV4 &&
		    virtio_has(&n->d, VIRTIO_NET_F_HOST_TSO4)) &&
		!(type == VIRTIO_NET_HDR_GSO_TCPV6 &&
			virtio_has(&n->d, VIRTIO_NET_F_HOST_TSO6)))
		return false;
	/* the hint may be too small; what counts is in the frame */
	if (h->hdr_len > len)
		return false;
	return h->gso_size != 0 && h->csum_start + 20U <= len;
}

/* Send the frame in the chain. 0, -EAGAIN to come again. */
static int send_frame(struct net *n)
{
	struct virtio_net_hdr h;
	struct msghdr m = { .msg_iov = n->iov };
	size_t len = n->chain.out_len - GUEST_HEADER;
	ssize_t r;

	if (n->chain.out_len < GUEST_HEADER + FRAME_MIN || len > FRAME_MAX ||
		chain_read(&n->chain, 0, &h, sizeof(h)) != sizeof(h) ||
		!header_is_good(n, &h, len)) {
		n->stats.tx_dropped++;
		return 0;
	}
	n->iov[0] = (struct iovec){ &h, HOST_HEADER };
	m.msg_iovlen = chain_out_iov(&n->chain, GUEST_HEADER, len, n->iov + 1) + 1U;
	do
		r = sendmsg(n->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (r < 0) {
		n->stats.tx_dropped++; /* as on a wire: nobody is told */
	} else {
		n->stats.tx_frames++;
		n->stats.tx_bytes += len;
	}
	ratelimit_spend(&n->tx_limit, len);
	return 0;
}

static bool tx_has_to_wait(struct net *n)
{
	uint64_t wait = n->limited ? ratelimit_wait(&n->tx_limit, clock_mono_ns()) : 0;

	if (!wait)
		return false;
	wake_after(n, wait);
	n->tx_waiting = true;
	return true;
}

static void serve_tx(struct net *n)
{
	struct virtio_device *d = &n->d;
	struct virtqueue *q = &d->queues[NET_TX];
	unsigned done = 0;

	virtqueue_kick_off(q);
	for (; done < q->size && !tx_has_to_wait(n); done++) {
		int r = virtqueue_pop(q, &n->chain);

		if (r < 0) {
			virtio_broken(d);
			return;
		}
		if (r == 0 && !virtqueue_kick_on(q))
			break;
		if (r == 0)
			continue;
		if (send_frame(n) == -EAGAIN) {
			virtqueue_unpop(q);
			n->tx_waiting = n->tx_full = true;
			break;
		}
		virtqueue_push(q, n->chain.head, 0);
	}
	if (done == q->size)
		virtio_notify_later(d, NET_TX);
	virtio_interrupt(d, NET_TX);
}

/* --- the device ------------------------------------------------------------------------ */

/* Watch the descriptor for what can be done something about. */
static void rearm(struct net *n)
{
	uint32_t wants = 0;
	struct epoll_event ev = { 0 };

	if (n->d.broken)
		return;
	if (!n->dead && !n->starved && !n->rx_waiting)
		wants |= EPOLLIN;
	if (!n->dead && n->tx_full)
		wants |= EPOLLOUT;
	if (!n->limited) {
		(void)virtio_watch(&n->d, n->fd, wants);
		return;
	}
	/* besides a timer: both in a set of the device's own */
	(void)virtio_watch(&n->d, n->d.fd, EPOLLIN);
	if (wants == n->watched)
		return;
	ev.events = wants;
	(void)epoll_ctl(n->d.fd,
		!wants               ? EPOLL_CTL_DEL
			: n->watched ? EPOLL_CTL_MOD
				     : EPOLL_CTL_ADD,
		n->fd, &ev);
	n->watched = wants;
}

static void net_notify(struct virtio_device *d, unsigned queue)
{
	struct net *n = net_of(d);

	if (queue == NET_RX) {
		/* new buffers: frames that waited for them go at once */
		if (n->starved) {
			n->starved = false;
			serve_rx(n);
		}
	} else if (!n->tx_waiting) {
		serve_tx(n);
	}
	rearm(n);
}

static void net_ready(struct virtio_device *d, uint32_t events)
{
	struct net *n = net_of(d);

	bool send = false;

	if (n->limited && ratelimit_timer_fired(n->timer)) {
		n->timer_at = 0;
		n->rx_waiting = false;
		send = n->tx_waiting && !n->tx_full;
	}
	if (!n->rx_waiting)
		serve_rx(n);
	/* in a set of its own the events aren't known: to try costs one call */
	if (n->tx_full && (n->limited || events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		send = true;
	if (send && !d->broken) {
		n->tx_full = n->tx_waiting = false;
		serve_tx(n);
	}
	rearm(n);
}

static int net_activate(struct virtio_device *d)
{
	rearm(net_of(d));
	return 0;
}

static void net_reset(struct virtio_device *d)
{
	struct net *n = net_of(d);

	if (n->limited && n->watched)
		(void)epoll_ctl(d->fd, EPOLL_CTL_DEL, n->fd, NULL);
	n->watched = 0;
	n->timer_at = 0;
	n->starved = n->rx_waiting = n->tx_waiting = n->tx_full = false;
}

static void net_read_config(struct virtio_device *d, uint32_t off, void *to, uint32_t len)
{
	const struct net *n = net_of(d);
	uint8_t config[12] = {
		0
	}; /* struct virtio_net_config up to mtu, section 5.1.4 */

	memcpy(config, n->mac, sizeof(n->mac));
	wire_put16(config + 6, VIRTIO_NET_S_LINK_UP);
	wire_put16(config + 8, 1);
	wire_put16(config + 10, n->mtu);
	memcpy(to, config + off, len);
}

static int net_save(struct virtio_device *d, struct buf *to)
{
	(void)d;
	return state_put8(to, STATE_VERSION);
}

static int net_restore(struct virtio_device *d, struct span *from)
{
	uint8_t version;

	if (state_get8(from, &version) < 0 || version != STATE_VERSION)
		return -EBADMSG;
	return net_activate(d);
}

void net_stats(struct virtio_device *d, struct net_stats *ret)
{
	(void)pthread_mutex_lock(&d->lock);
	*ret = net_of(d)->stats;
	(void)pthread_mutex_unlock(&d->lock);
}

static const struct virtio_ops ops = {
	.name = "net",
	.id = ID,
	.queues = NET_QUEUES,
	.queue_size = QUEUE_SIZE,
	.features = BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |
		BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) |
		BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) |
		BIT(VIRTIO_NET_F_GUEST_ECN) | BIT(VIRTIO_NET_F_HOST_TSO4) |
		BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_HOST_ECN) |
		BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_STATUS),
	.config_size = 12,
	.read_config = net_read_config,
	.activate = net_activate,
	.reset = net_reset,
	.notify = net_notify,
	.ready = net_ready,
	.save = net_save,
	.restore = net_restore,
	.free = net_free,
};

/* A timer, and a set that it is watched in together with the descriptor. */
static int make_limits(struct net *n, const struct net_options *o, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t now = clock_mono_ns();

	ratelimit_init(&n->rx_limit, &o->rx, now);
	ratelimit_init(&n->tx_limit, &o->tx, now);
	n->limited = ratelimit_is_set(&o->rx) || ratelimit_is_set(&o->tx);
	n->d.main_only = n->limited; /* a timer, and the time */
	if (!n->limited)
		return 0;
	n->timer = ratelimit_timer_new(e);
	if (n->timer < 0)
		return n->timer;
	n->d.fd = epoll_create1(EPOLL_CLOEXEC);
	if (n->d.fd < 0 || epoll_ctl(n->d.fd, EPOLL_CTL_ADD, n->timer, &ev) < 0)
		return err_sys(e, "net: epoll");
	return 0;
}

struct virtio_device *net_new(const struct net_options *o, struct err *e)
{
	struct net *n = calloc(1, sizeof(*n));
	int flags;

	if (!n || virtio_device_init(&n->d, &ops) < 0) {
		free(n);
		(void)err_set(e, ENOMEM, "net: out of memory");
		return NULL;
	}
	n->fd = n->timer = -1;
	if (make_limits(n, o, e) < 0) {
		net_free(&n->d);
		return NULL;
	}
	flags = fcntl(o->fd, F_GETFL);
	if (flags < 0 || fcntl(o->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		(void)err_sys(e, "net: the descriptor %d", o->fd);
		net_free(&n->d);
		return NULL;
	}
	n->fd = o->fd;
	n->mtu = o->mtu;
	memcpy(n->mac, o->mac, sizeof(n->mac));
	if (!n->mtu)
		n->d.offered &= ~BIT(VIRTIO_NET_F_MTU);
	return &n->d;
}

void net_free(struct virtio_device *d)
{
	struct net *n = net_of(d);

	if (!d)
		return;
	if (n->fd >= 0)
		(void)close(n->fd);
	if (n->timer >= 0)
		(void)close(n->timer);
	if (d->fd >= 0)
		(void)close(d->fd);
	virtio_device_clear(d);
	free(n);
}
