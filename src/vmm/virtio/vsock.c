/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. serve_rx() takes the first stream that stands in line (vsock-table.h),
 * gives it what buffers there are, and puts it at the end again if it has more: none starves
 * another. Where the guest has no buffers, all stand and nothing is watched that they would be
 * woken for; its next kick goes on. What a socket is watched for follows from its stream's state
 * (vsock_conn_wants()), so nothing wakes anybody who couldn't act.
 */
#include "vmm/virtio/vsock.h"

#include "base/err.h"
#include "base/wire.h"
#include "vmm/virtio/vsock-table.h"

#include <string.h>
#include <sys/epoll.h>

#define ID            19
#define QUEUE_SIZE    256
#define STATE_VERSION 1
#define STRAYS_MAX    64U
#define BATCH_MAX     16U /* packets for one read of a socket */
#define BATCH_IOV     64U
#define EVENTS        32
#define DIAL_PORTS    0x40000000U /* the host's ports of connections that it begins */

#define EVENT_TRANSPORT_RESET 0U

struct stray {
	uint32_t host_port, guest_port;
};

struct vsock {
	struct virtio_device d;
	uint64_t guest_cid;
	struct vsock_listener listener[VSOCK_LISTENERS_MAX];
	unsigned n_listeners;
	struct vsock_table table;
	struct stray stray[STRAYS_MAX]; /* refusals that are owed */
	unsigned strays;
	uint32_t next_port;
	bool starved;    /* of buffers for the guest to receive into */
	bool tx_stopped; /* until there is room for refusals */
	bool reset_due;  /* the guest is to be told of it */
	struct vq_chain chain;
	struct iovec iov[VQ_SEGMENTS_MAX];
};

static struct vsock *vsock_of(struct virtio_device *d)
{
	return (struct vsock *)(void *)d;
}

/* --- to the guest ---------------------------------------------------------------------- */

/* A buffer of the guest's with room for a header and 'more': 1, 0 for none, -EPROTO. */
static int pop_rx(struct vsock *v, uint64_t more)
{
	struct virtqueue *q = &v->d.queues[VSOCK_RX];
	int r = virtqueue_pop(q, &v->chain);

	if (r == 0 && virtqueue_kick_on(q))
		r = virtqueue_pop(q, &v->chain);
	if (r == 0)
		v->starved = true;
	if (r == 1 && v->chain.in_len < VSOCK_HEADER + more)
		r = -EPROTO;
	return r;
}

static void put_header(struct vsock *v, struct vsock_packet *p, uint8_t raw[VSOCK_HEADER])
{
	p->src_cid = VSOCK_HOST_CID;
	p->dst_cid = v->guest_cid;
	vsock_packet_put(p, raw);
}

static int send_control(struct vsock *v, struct vsock_packet *p)
{
	uint8_t raw[VSOCK_HEADER];

	put_header(v, p, raw);
	(void)chain_write(&v->chain, 0, raw, sizeof(raw));
	virtqueue_push(&v->d.queues[VSOCK_RX], v->chain.head, VSOCK_HEADER);
	return 1;
}

static int send_stray(struct vsock *v)
{
	struct vsock_packet p = { .type = VSOCK_STREAM, .op = VSOCK_RST };
	int r = pop_rx(v, 0);

	if (r != 1)
		return r;
	v->strays--;
	p.src_port = v->stray[v->strays].host_port;
	p.dst_port = v->stray[v->strays].guest_port;
	return send_control(v, &p);
}

/* The buffers for one read: of each, where its header goes and how much payload it takes. */
struct batch {
	unsigned n, iovs;
	struct {
		uint16_t head;
		uint8_t *header; /* NULL: in pieces, see the chain */
		uint32_t room;
	} at[BATCH_MAX];
	struct iovec iov[BATCH_IOV];
};

static int gather(struct vsock *v, struct vsock_conn *c, struct batch *b)
{
	struct virtqueue *q = &v->d.queues[VSOCK_RX];
	uint64_t credit = vsock_conn_credit(c);

	b->n = b->iovs = 0;
	while (b->n < c->batch && credit) {
		int r = pop_rx(v, 1);
		uint64_t room = v->chain.in_len - VSOCK_HEADER;
		unsigned k;
		bool whole;

		if (r < 0)
			return r;
		if (r == 0)
			break;
		if (room > credit)
			room = credit;
		k = chain_in_iov(&v->chain, VSOCK_HEADER, room, v->iov);
		whole = v->chain.seg[v->chain.out_n].iov_len >= VSOCK_HEADER;
		/* one that is in many pieces goes alone */
		if (b->n && (!whole || k > BATCH_IOV - b->iovs)) {
			virtqueue_unpop(q);
			break;
		}
		if (k > BATCH_IOV) {
			k = BATCH_IOV;
			room = 0;
			for (unsigned i = 0; i < k; i++)
				room += v->iov[i].iov_len;
		}
		memcpy(b->iov + b->iovs, v->iov, k * sizeof(*v->iov));
		b->at[b->n].head = v->chain.head;
		b->at[b->n].header = whole ? v->chain.seg[v->chain.out_n].iov_base : NULL;
		b->at[b->n].room = (uint32_t)room;
		b->iovs += k;
		b->n++;
		credit -= room;
		if (!whole)
			break;
	}
	return (int)b->n;
}

/* Returns -EPROTO, 0 for no buffers, 1. */
static int send_data(struct vsock *v, struct vsock_conn *c)
{
	struct virtqueue *q = &v->d.queues[VSOCK_RX];
	struct batch b;
	ssize_t got;
	unsigned used = 0;
	int r = gather(v, c, &b);

	if (r <= 0)
		return r;
	got = vsock_conn_read(c, b.iov, b.iovs);
	while (got > 0) {
		uint32_t room = b.at[used].room;
		struct vsock_packet p = { .op = VSOCK_RW,
			.len = got < (ssize_t)room ? (uint32_t)got : room };
		uint8_t raw[VSOCK_HEADER];

		vsock_conn_address(c, &p);
		put_header(v, &p, raw);
		if (b.at[used].header)
			memcpy(b.at[used].header, raw, sizeof(raw));
		else
			(void)chain_write(&v->chain, 0, raw, sizeof(raw));
		virtqueue_fill(q, (uint16_t)used, b.at[used].head, VSOCK_HEADER + p.len);
		got -= p.len;
		used++;
	}
	virtqueue_unpop_n(q, (uint16_t)(b.n - used));
	virtqueue_flush(q, (uint16_t)used);
	/* all were filled: more at once the next time */
	c->batch = (uint8_t)(used < b.n ? (used > 1 ? used : 1) : 2U * b.n);
	if (c->batch > BATCH_MAX)
		c->batch = BATCH_MAX;
	if (used < b.n)
		v->starved = false;
	return 1;
}

static int send_one(struct vsock *v, struct vsock_conn *c)
{
	struct vsock_packet p;
	int r;

	if (vsock_conn_can_read(c))
		return send_data(v, c);
	r = pop_rx(v, 0);
	if (r != 1)
		return r;
	vsock_conn_pay(c, &p);
	return send_control(v, &p);
}

/* Give the guest what waits for it, as far as it has buffers. */
static void serve_rx(struct vsock *v)
{
	struct virtio_device *d = &v->d;
	int r = 1;

	for (unsigned n = 0; r == 1 && !v->starved && (v->strays || v->table.first_due);
		n++) {
		struct vsock_conn *c = NULL;

		if (n == d->queues[VSOCK_RX].size) {
			virtio_notify_later(d, VSOCK_RX);
			break;
		}
		if (v->strays) {
			r = send_stray(v);
		} else {
			c = vsock_table_next(&v->table);
			if (vsock_conn_can_read(c) || vsock_conn_owes(c))
				r = send_one(v, c);
			vsock_table_touch(&v->table, c);
		}
	}
	if (r < 0)
		virtio_broken(d);
	else
		virtio_interrupt(d, VSOCK_RX);
	if (v->tx_stopped && v->strays < STRAYS_MAX && r >= 0) {
		v->tx_stopped = false;
		virtio_notify_later(d, VSOCK_TX);
	}
}

/* --- from the guest -------------------------------------------------------------------- */

/* The socket behind a port; -1: none, or no more. */
static int take_listener(struct vsock *v, uint32_t port)
{
	for (unsigned i = 0; i < v->n_listeners; i++)
		if (v->listener[i].port == port && v->listener[i].fd >= 0)
			return take_fd(&v->listener[i].fd);
	return -1;
}

static void refuse(struct vsock *v, const struct vsock_packet *p)
{
	v->stray[v->strays++] = (struct stray){ p->dst_port, p->src_port };
}

static void accept_guest(struct vsock *v, const struct vsock_packet *p)
{
	struct vsock_conn *c = vsock_table_make(&v->table, p->dst_port, p->src_port);
	int fd = c ? take_listener(v, p->dst_port) : -1;

	if (fd < 0) {
		refuse(v, p);
		return;
	}
	vsock_conn_begin(c, fd, p);
	vsock_table_touch(&v->table, c);
}

/* One packet of the guest's. 0, or -EPROTO: it isn't one. */
static int receive(struct vsock *v)
{
	const struct vq_chain *chain = &v->chain;
	uint8_t raw[VSOCK_HEADER];
	struct vsock_packet p;
	struct vsock_conn *c;
	unsigned n;

	if (chain_read(chain, 0, raw, sizeof(raw)) != sizeof(raw))
		return -EPROTO;
	vsock_packet_get(&p, raw);
	if (p.len > chain->out_len - VSOCK_HEADER)
		return -EPROTO;
	if (p.src_cid != v->guest_cid || p.dst_cid != VSOCK_HOST_CID)
		return 0; /* not from whom it says, or to nobody: dropped */
	c = p.type == VSOCK_STREAM ? vsock_table_find(&v->table, p.dst_port, p.src_port)
				   : NULL;
	if (c) {
		n = chain_out_iov(chain, VSOCK_HEADER, p.len, v->iov);
		vsock_conn_receive(c, &p, v->iov, n);
		vsock_table_touch(&v->table, c);
	} else if (p.op == VSOCK_REQUEST && p.type == VSOCK_STREAM) {
		accept_guest(v, &p);
	} else if (p.op != VSOCK_RST) {
		refuse(v, &p);
	}
	return 0;
}

static void serve_tx(struct vsock *v)
{
	struct virtio_device *d = &v->d;
	struct virtqueue *q = &d->queues[VSOCK_TX];
	unsigned n;

	for (n = 0; n < q->size; n++) {
		int r;

		/* each packet may cost a refusal: not taken before there is room for it */
		if (v->strays == STRAYS_MAX) {
			v->tx_stopped = true;
			break;
		}
		r = virtqueue_pop(q, &v->chain);
		if (r == 0 && !virtqueue_kick_on(q))
			break;
		if (r == 0)
			continue;
		if (r < 0 || receive(v) < 0) {
			virtio_broken(d);
			return;
		}
		virtqueue_push(q, v->chain.head, 0);
	}
	if (n == q->size)
		virtio_notify_later(d, VSOCK_TX);
	virtio_interrupt(d, VSOCK_TX);
}

static void serve_event(struct vsock *v)
{
	struct virtqueue *q = &v->d.queues[VSOCK_EVENT];
	uint8_t event[4];
	int r;

	if (!v->reset_due)
		return;
	r = virtqueue_pop(q, &v->chain);
	if (r == 0 && virtqueue_kick_on(q))
		r = virtqueue_pop(q, &v->chain);
	wire_put32(event, EVENT_TRANSPORT_RESET);
	if (r < 0 || (r == 1 && chain_write(&v->chain, 0, event, 4) != 4)) {
		virtio_broken(&v->d);
	} else if (r == 1) {
		v->reset_due = false;
		virtqueue_push(q, v->chain.head, sizeof(event));
		virtio_interrupt(&v->d, VSOCK_EVENT);
	}
}

/* --- the device ------------------------------------------------------------------------ */

static void vsock_notify(struct virtio_device *d, unsigned queue)
{
	struct vsock *v = vsock_of(d);

	switch (queue) {
	case VSOCK_RX: v->starved = false; break;
	case VSOCK_TX:
		if (!v->tx_stopped)
			serve_tx(v);
		break;
	default: serve_event(v); break;
	}
	if (!d->broken)
		serve_rx(v);
}

static void vsock_ready(struct virtio_device *d, uint32_t events)
{
	struct vsock *v = vsock_of(d);
	struct epoll_event ev[EVENTS];
	int n = epoll_pwait(d->fd, ev, EVENTS, 0, NULL);

	(void)events;
	for (int i = 0; i < n; i++) {
		struct vsock_conn *c = vsock_table_of(&v->table, ev[i].data.u64);

		if (!c)
			continue;
		vsock_conn_ready(c, ev[i].events);
		vsock_table_touch(&v->table, c);
	}
	serve_rx(v);
}

static void vsock_tidy(struct virtio_device *d)
{
	vsock_table_tidy(&vsock_of(d)->table);
}

static int vsock_activate(struct virtio_device *d)
{
	return virtio_watch(d, d->fd, EPOLLIN);
}

static void vsock_reset(struct virtio_device *d)
{
	struct vsock *v = vsock_of(d);

	vsock_table_reset(&v->table);
	v->strays = 0;
	v->starved = v->tx_stopped = v->reset_due = false;
}

static void vsock_read_config(struct virtio_device *d, uint32_t off, void *to, uint32_t n)
{
	uint8_t config[8];

	wire_put64(config, vsock_of(d)->guest_cid);
	memcpy(to, config + off, n);
}

static int vsock_save(struct virtio_device *d, struct buf *to)
{
	(void)d;
	return state_put8(to, STATE_VERSION);
}

static int vsock_restore(struct virtio_device *d, struct span *from)
{
	uint8_t version;

	if (state_get8(from, &version) < 0 || version != STATE_VERSION)
		return -EBADMSG;
	/* the transport calls for every queue afterwards, so this gets out */
	vsock_of(d)->reset_due = true;
	return vsock_activate(d);
}

int vsock_dial(struct virtio_device *d, uint32_t port, int fd)
{
	struct vsock *v = vsock_of(d);
	struct vsock_conn *c = NULL;
	int r = 0;

	(void)pthread_mutex_lock(&d->lock);
	if (!(d->status & VIRTIO_DRIVER_OK) || d->broken) {
		r = -ENOTCONN;
	} else {
		do
			v->next_port = DIAL_PORTS + (v->next_port + 1) % DIAL_PORTS;
		while (vsock_table_find(&v->table, v->next_port, port));
		c = vsock_table_make(&v->table, v->next_port, port);
		r = c ? 0 : -EMFILE;
	}
	if (c) {
		vsock_conn_begin(c, fd, NULL);
		vsock_table_touch(&v->table, c);
		serve_rx(v);
	} else {
		(void)close(fd);
	}
	(void)pthread_mutex_unlock(&d->lock);
	return r;
}

static const struct virtio_ops ops = {
	.name = "vsock",
	.id = ID,
	.queues = VSOCK_QUEUES,
	.queue_size = QUEUE_SIZE,
	.config_size = 8,
	.read_config = vsock_read_config,
	.activate = vsock_activate,
	.reset = vsock_reset,
	.notify = vsock_notify,
	.ready = vsock_ready,
	.tidy = vsock_tidy,
	.save = vsock_save,
	.restore = vsock_restore,
	.free = vsock_free,
};

struct virtio_device *vsock_new(const struct vsock_options *o, struct err *e)
{
	struct vsock *v;

	if (o->n_listeners > VSOCK_LISTENERS_MAX) {
		(void)err_set(
			e, EINVAL, "vsock: more than %u ports", VSOCK_LISTENERS_MAX);
		return NULL;
	}
	v = calloc(1, sizeof(*v));
	if (!v || virtio_device_init(&v->d, &ops) < 0) {
		free(v);
		(void)err_set(e, ENOMEM, "vsock: out of memory");
		return NULL;
	}
	if (vsock_table_begin(&v->table, &v->d) < 0) {
		(void)err_sys(e, "vsock: room for %u streams", VSOCK_CONNECTIONS_MAX);
		vsock_free(&v->d);
		return NULL;
	}
	v->d.fd = epoll_create1(EPOLL_CLOEXEC);
	if (v->d.fd < 0) {
		(void)err_sys(e, "vsock: epoll_create1");
		vsock_free(&v->d);
		return NULL;
	}
	v->guest_cid = o->guest_cid ? o->guest_cid : VSOCK_GUEST_CID;
	for (unsigned i = 0; i < o->n_listeners; i++)
		v->listener[i] = o->listeners[i];
	v->n_listeners = o->n_listeners;
	return &v->d;
}

void vsock_free(struct virtio_device *d)
{
	struct vsock *v = vsock_of(d);

	if (!d)
		return;
	vsock_table_clear(&v->table);
	for (unsigned i = 0; i < v->n_listeners; i++)
		if (v->listener[i].fd >= 0)
			(void)close(v->listener[i].fd);
	if (d->fd >= 0)
		(void)close(d->fd);
	virtio_device_clear(d);
	free(v);
}
