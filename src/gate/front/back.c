/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/back.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "base/wire.h"
#include "gate/gate.h"
#include "gate/roles.h"

#include <string.h>
#include <sys/socket.h>

/*
 * Theory of operation. The gate makes a socket pair and writes the request into its end at
 * once; the other end travels to the injector in a parcel. When the injector's mailbox is
 * full (unix(7): few parcels fit), the other end waits in a queue that a timer tries
 * again, and nobody else has to know: the bytes are in the socket meanwhile.
 *
 * Should:  hold the injector to the order of exchange.h; it has read what servers said.
 * Mustn't: use a socket again on which either side has not said END, or after a surprise.
 */
#define RETRY_NS      (2 * NS_PER_MS)
#define WAITING_MAX   4096U
#define SOCKET_BUFFER (256 << 10)

struct back {
	struct back_pool *pool;
	struct back *next, *prev; /* in 'idle' or 'waiting' of the pool */
	struct wire wire;
	struct loop_source *src;
	const struct back_ops *ops;
	void *data;
	int peer; /* the injector's end, until it is sent; else -1 */
	unsigned depth;
	bool closed; /* to be parked or freed when depth is 0 */
	bool said_end, heard_head, heard_end;
	bool broken; /* the socket is of no more use; 'failed' follows, or has been called */
	bool paused, full;
};

struct back_list {
	struct back *first, *last;
	size_t n;
};

struct back_pool {
	struct gate *g;
	struct loop_source *retry;
	struct back_list idle, waiting;
};

static void list_add(struct back_list *l, struct back *b)
{
	b->next = NULL;
	b->prev = l->last;
	if (l->last)
		l->last->next = b;
	else
		l->first = b;
	l->last = b;
	l->n++;
}

static void list_remove(struct back_list *l, struct back *b)
{
	if (b->prev)
		b->prev->next = b->next;
	else
		l->first = b->next;
	if (b->next)
		b->next->prev = b->prev;
	else
		l->last = b->prev;
	b->next = b->prev = NULL;
	l->n--;
}

static void forget_peer(struct back *b)
{
	if (b->peer < 0)
		return;
	list_remove(&b->pool->waiting, b);
	(void)close(b->peer);
	b->peer = -1;
}

static void free_back(struct back *b)
{
	forget_peer(b);
	loop_source_free(b->src);
	wire_clear(&b->wire);
	free(b);
}

/* Both sides have said all, nothing is left over: the socket can serve another exchange. */
static bool is_clean(const struct back *b)
{
	return b->said_end && b->heard_end && !b->broken && !wire_pending(&b->wire) &&
		b->wire.in_at == b->wire.in.len && b->pool->idle.n < BACK_IDLE_MAX;
}

static void dispose(struct back *b)
{
	struct wire_frame reset = { .type = EXCHANGE_RESET };

	if (is_clean(b)) {
		b->ops = NULL;
		wire_trim(&b->wire);
		list_add(&b->pool->idle, b);
		(void)loop_source_events(b->src, EPOLLIN);
		return;
	}
	if (!b->broken && !b->heard_end && wire_send(&b->wire, &reset) == 0)
		(void)wire_flush(&b->wire);
	free_back(b);
}

static void watch(struct back *b)
{
	uint32_t events = b->paused || b->heard_end ? 0 : EPOLLIN;

	/* a flush elsewhere may have emptied it; who waits for room is still to hear of that */
	if (wire_pending(&b->wire) || b->full)
		events |= EPOLLOUT;
	if (b->broken)
		events = b->heard_end ? 0 : EPOLLIN | EPOLLOUT;
	(void)loop_source_events(b->src, events);
}

static void leave(struct back *b)
{
	if (--b->depth)
		return;
	if (b->closed)
		dispose(b);
	else
		watch(b);
}

static void fail(struct back *b, uint16_t status, const char *reason)
{
	struct exchange_failure f = { .status = status,
		.reason = (char *)(uintptr_t)reason };

	b->broken = b->heard_end = true;
	b->ops->failed(&f, b->data);
}

static void take_response(struct back *b, const struct wire_frame *f)
{
	struct exchange_response p = { 0 };

	if (b->heard_head || exchange_response_decode(f->data, f->len, &p, NULL) < 0) {
		fail(b, 502, "the injector sent a malformed response");
		return;
	}
	b->heard_head = p.status >= 200 || p.status == 101;
	b->ops->head(&p, b->data);
	exchange_response_clear(&p);
}

static void take_end(struct back *b, const struct wire_frame *f)
{
	struct exchange_headers trailers = { 0 };

	if (!b->heard_head ||
		exchange_headers_decode(f->data, f->len, &trailers, NULL) < 0) {
		fail(b, 502, "the injector sent malformed trailers");
		return;
	}
	b->heard_end = true;
	b->ops->end(&trailers, b->data);
	exchange_headers_clear(&trailers);
}

static void take_failure(struct back *b, const struct wire_frame *f)
{
	struct exchange_failure fail_ = { 0 };

	if (exchange_failure_decode(f->data, f->len, &fail_, NULL) < 0) {
		fail(b, 502, "the injector sent a malformed failure");
		return;
	}
	b->broken = b->heard_end = true; /* the injector closes the socket */
	b->ops->failed(&fail_, b->data);
	exchange_failure_clear(&fail_);
}

static void take_frame(struct back *b, const struct wire_frame *f)
{
	if (f->channel || f->flags)
		fail(b, 502, "the injector broke the protocol");
	else if (f->type == EXCHANGE_RESPONSE)
		take_response(b, f);
	else if (f->type == EXCHANGE_DATA && b->heard_head)
		b->ops->body(f->data, f->len, b->data);
	else if (f->type == EXCHANGE_END)
		take_end(b, f);
	else if (f->type == EXCHANGE_FAILED)
		take_failure(b, f);
	else
		fail(b, 502, "the injector broke the protocol");
}

static void read_frames(struct back *b)
{
	struct wire_frame f;
	int r = wire_read(&b->wire);
	int n = 0;

	while (!b->closed && !b->heard_end && (n = wire_next(&b->wire, &f)) == 1)
		take_frame(b, &f);
	if (b->closed || b->heard_end)
		return;
	if (n < 0 || (r <= 0 && r != -EAGAIN && r != -ENOBUFS))
		fail(b, 502, "the injector went away");
}

static void write_frames(struct back *b)
{
	if (wire_pending(&b->wire) && wire_flush(&b->wire) < 0)
		b->broken = true;
	if (b->broken && !b->heard_end) {
		fail(b, 502, "the injector went away");
	} else if (b->full && (b->broken || wire_pending(&b->wire) <= BACK_LOW)) {
		b->full = false;
		b->ops->room(b->data);
	}
}

static void idle_event(struct back *b)
{
	/* Nothing may come while nothing was asked: the end, or a surprise. */
	list_remove(&b->pool->idle, b);
	free_back(b);
}

static void on_event(struct loop_source *src, uint32_t events, void *data)
{
	struct back *b = data;

	(void)src;
	if (!b->ops) {
		idle_event(b);
		return;
	}
	b->depth++;
	/* even if it is broken: the injector may have said why before it closed */
	if (!b->heard_end && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_frames(b);
	if (!b->closed)
		write_frames(b);
	leave(b);
}

/* 0: sent; -EAGAIN: later; else the injector isn't there. */
static int send_peer(struct back *b)
{
	struct parcel p = { .type = GATE_EXCHANGE, .fds = { b->peer }, .fds_n = 1 };
	int fd = b->pool->g->injector;
	int r = fd < 0 ? -EPIPE : parcel_send_fds(fd, &p);

	return r == -ETOOMANYREFS || r == -ENOBUFS ? -EAGAIN : r;
}

static void on_retry(struct loop_source *src, void *data)
{
	struct back_pool *p = data;
	struct back *b;
	int r = 0;

	while ((b = p->waiting.first) && (r = send_peer(b)) != -EAGAIN) {
		forget_peer(b);
		if (r < 0) {
			b->broken = true;
			watch(b);
		}
	}
	if (p->waiting.n)
		loop_timer_arm(src, RETRY_NS);
}

int back_pool_new(struct gate *g, struct back_pool **ret, struct err *e)
{
	struct back_pool *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(e, ENOMEM, "exchanges: out of memory");
	p->g = g;
	r = loop_add_timer(g->loop, on_retry, p, &p->retry, e);
	if (r < 0)
		free(p);
	else
		*ret = p;
	return r;
}

void back_pool_free(struct back_pool *p)
{
	struct back *b;

	if (!p)
		return;
	while ((b = p->idle.first)) {
		list_remove(&p->idle, b);
		free_back(b);
	}
	loop_source_free(p->retry);
	free(p);
}

size_t back_pool_idle(const struct back_pool *p)
{
	return p->idle.n;
}

static int new_back(struct back_pool *p, struct back **ret, struct err *e)
{
	struct back *b = calloc(1, sizeof(*b));
	int size = SOCKET_BUFFER, pair[2], r;

	if (!b)
		return err_set(e, ENOMEM, "exchange: out of memory");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) <
		0) {
		free(b);
		return err_sys(e, "exchange: make a socket");
	}
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	b->pool = p;
	b->peer = pair[1];
	list_add(&p->waiting, b);
	wire_init(&b->wire, pair[0]);
	r = loop_add_fd(p->g->loop, pair[0], EPOLLIN, on_event, b, &b->src, e);
	if (r < 0)
		free_back(b);
	else
		*ret = b;
	return r;
}

/* Hand the injector its end, or leave it to the timer. */
static int hand_over(struct back *b, struct err *e)
{
	struct back_pool *p = b->pool;
	int r = p->waiting.n > 1 ? -EAGAIN : send_peer(b);

	if (r == -EAGAIN && p->waiting.n <= WAITING_MAX) {
		if (p->waiting.n == 1)
			loop_timer_arm(p->retry, RETRY_NS);
		return 0;
	}
	forget_peer(b);
	return r < 0 ? err_set(e, -r, "the injector is not there") : 0;
}

static int get_back(struct back_pool *p, struct back **ret, struct err *e)
{
	struct back *b = p->idle.last; /* the one that was used last is warm */
	int r;

	if (b) {
		list_remove(&p->idle, b);
		*ret = b;
		return 0;
	}
	r = new_back(p, &b, e);
	if (r < 0 || !b)
		return r;
	r = hand_over(b, e);
	if (r < 0)
		free_back(b);
	else
		*ret = b;
	return r;
}

static int send_frame(struct back *b, uint8_t type, const void *data, size_t len)
{
	struct wire_frame f = { .type = type, .len = (uint32_t)len, .data = data };
	int r = wire_send(&b->wire, &f);

	if (r == 0)
		r = wire_flush(&b->wire);
	if (r < 0)
		b->broken = true;
	if (wire_pending(&b->wire) > BACK_HIGH)
		b->full = true;
	/* from within a call-back the caller sees to it */
	if (!b->depth)
		watch(b);
	return r;
}

int back_open(struct back_pool *p, const struct exchange_request *q,
	const struct back_ops *ops, void *data, struct back **ret, struct err *e)
{
	auto_buf struct buf head = { 0 };
	struct back *b = NULL;
	int r = exchange_request_encode(q, &head);

	if (r < 0)
		return err_set(e, -r, "the request cannot be passed on: %s",
			r == -EMSGSIZE ? "its head is too long" : "it has no plain form");
	r = get_back(p, &b, e);
	if (r < 0 || !b)
		return r;
	b->ops = ops;
	b->data = data;
	b->said_end = b->heard_head = b->heard_end = b->closed = false;
	b->broken = b->paused = b->full = false;
	(void)send_frame(b, EXCHANGE_REQUEST, head.data, head.len);
	*ret = b;
	return 0;
}

int back_send(struct back *b, const void *data, size_t len)
{
	const char *at = data;
	int r = 0;

	while (r == 0 && len) {
		size_t n = len < WIRE_PAYLOAD_MAX ? len : WIRE_PAYLOAD_MAX;

		if (b->said_end || b->broken)
			return -EPIPE;
		r = send_frame(b, EXCHANGE_DATA, at, n);
		at += n;
		len -= n;
	}
	return r;
}

int back_send_end(struct back *b, const struct exchange_headers *trailers)
{
	auto_buf struct buf coded = { 0 };

	if (b->said_end || b->broken)
		return -EPIPE;
	b->said_end = true;
	/* trailers that are too many are lost, not the request */
	if (trailers && exchange_headers_encode(trailers, &coded) < 0)
		coded.len = 0;
	return send_frame(b, EXCHANGE_END, coded.data, coded.len);
}

bool back_has_room(const struct back *b)
{
	return !b->full;
}

void back_pause(struct back *b, bool stop)
{
	if (b->paused == stop || b->heard_end)
		return;
	b->paused = stop;
	if (!b->depth)
		watch(b);
}

void back_close(struct back *b)
{
	if (!b)
		return;
	b->closed = true;
	if (!b->depth)
		dispose(b);
}
