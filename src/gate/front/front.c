/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/front-impl.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "gate/front/leaf.h"
#include "gate/front/request.h"
#include "gate/front/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Theory of operation.
 *
 *	LEAF → HANDSHAKE → OPEN → CLOSING → LINGER → freed
 *	SNIFF -----------→ OPEN
 *
 * The protocol says whether it wants bytes (wants), and is not given any before it does;
 * what it writes is queued, and its sources are told to stop while the queue is long. So
 * a slow reader slows down what it reads from, and nothing is held but two queues.
 */
static const char preface[] =
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; /* RFC 9113 section 3.4 */
#define PREFACE_LEN (sizeof(preface) - 1)

void front_progress(struct front *f)
{
	f->since = clock_mono_ns();
}

void front_kill(struct front *f)
{
	f->dead = true;
}

size_t front_pending(const struct front *f)
{
	return f->out.len - f->out_at;
}

void front_write(struct front *f, const void *data, size_t len)
{
	if (f->out_at > f->out.len / 2) {
		buf_drop(&f->out, f->out_at);
		f->out_at = 0;
	}
	if (buf_add(&f->out, data, len) < 0)
		front_kill(f);
	else if (front_pending(f) > FRONT_OUT_HIGH)
		f->full = true;
}

void front_close(struct front *f)
{
	if (f->phase < FRONT_CLOSING)
		f->phase = FRONT_CLOSING;
}

int front_take_fd(struct front *f)
{
	int fd = f->fd;

	loop_source_free(f->src);
	f->src = NULL;
	f->fd = -1;
	front_kill(f);
	return fd;
}

static void free_front(struct front *f)
{
	struct front_shared *s = f->g->front;

	leaf_cancel(f->leaf);
	if (f->proto)
		f->proto->free(f);
	while (f->requests)
		request_free(f->requests);
	if (f->prev)
		f->prev->next = f->next;
	else
		s->first = f->next;
	if (f->next)
		f->next->prev = f->prev;
	s->n--;
	if (s->n == 0)
		loop_timer_disarm(s->sweep);
	if (f->g->conns)
		f->g->conns--;
	tls_free(f->ssl);
	loop_source_free(f->src);
	if (f->fd >= 0)
		(void)close(f->fd);
	buf_clear(&f->in);
	buf_clear(&f->out);
	free(f->name);
	free(f);
}

static ssize_t raw_write(struct front *f, const void *from, size_t len)
{
	ssize_t n;

	if (f->ssl)
		return tls_write(f->ssl, from, len);
	n = send(f->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? (errno == EINTR ? -EAGAIN : -errno) : n;
}

static ssize_t raw_read(struct front *f, void *into, size_t len)
{
	ssize_t n;

	if (f->ssl)
		return tls_read(f->ssl, into, len);
	n = recv(f->fd, into, len, MSG_DONTWAIT);
	return n < 0 ? (errno == EINTR ? -EAGAIN : -errno) : n;
}

static void flush(struct front *f)
{
	while (front_pending(f)) {
		ssize_t n = raw_write(f, f->out.data + f->out_at, front_pending(f));

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			front_kill(f);
			return;
		}
		f->out_at += (size_t)n;
		front_progress(f);
	}
	f->out.len = f->out_at = 0;
}

/* Fill and empty the queue until the socket takes no more or there is nothing more. */
static void write_out(struct front *f)
{
	size_t before;

	do {
		if (f->proto && f->phase == FRONT_OPEN)
			f->proto->output(f);
		before = front_pending(f);
		flush(f);
		if (!f->dead && f->full && front_pending(f) < FRONT_OUT_LOW) {
			f->full = false;
			if (f->proto && f->phase == FRONT_OPEN)
				f->proto->drained(f);
		}
	} while (!f->dead && front_pending(f) < before);
}

static bool wants_input(const struct front *f)
{
	switch (f->phase) {
	case FRONT_LEAF:
	case FRONT_CLOSING: return false;
	case FRONT_HANDSHAKE:
	case FRONT_SNIFF:
	case FRONT_LINGER: return true;
	case FRONT_OPEN: return !f->full && f->proto->wants(f);
	}
	return false;
}

static void open_as(struct front *f, const struct front_proto *proto)
{
	f->proto = proto;
	f->phase = FRONT_OPEN;
	front_progress(f);
	if (proto->start(f, NULL) < 0)
		front_kill(f);
	f->again = true;
}

/* In clear: the first bytes that differ from the preface of HTTP/2 make it HTTP/1. */
static void sniff(struct front *f)
{
	size_t n = f->in.len < PREFACE_LEN ? f->in.len : PREFACE_LEN;

	if (f->proxy || memcmp(f->in.data, preface, n) != 0)
		open_as(f, &front_http1);
	else if (n == PREFACE_LEN)
		open_as(f, &front_http2);
}

static void handshake(struct front *f)
{
	struct err e = { 0 };
	int r = tls_accept(f->ssl, &e);

	f->stuck = r == -EAGAIN && tls_wants_write(f->ssl);
	if (r == -EAGAIN)
		return;
	if (r < 0) {
		if (r == -EACCES)
			front_refused(f, 0, e.msg);
		front_kill(f);
		return;
	}
	open_as(f, tls_is_h2(f->ssl) ? &front_http2 : &front_http1);
}

static void on_eof(struct front *f)
{
	if (f->phase == FRONT_OPEN)
		f->proto->eof(f);
	else if (f->phase != FRONT_CLOSING) /* there an answer is still to be written */
		front_kill(f);
}

static void linger(struct front *f)
{
	char away[4096];
	ssize_t n = recv(f->fd, away, sizeof(away), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	f->lingered += n > 0 ? (size_t)n : 0;
	if (n <= 0 || f->lingered > FRONT_LINGER_IN)
		front_kill(f);
}

/* Read at most 'max' bytes more, and give them to whose they are. */
static void read_in(struct front *f, size_t max)
{
	size_t before = f->in.len;
	ssize_t n = 0;

	while (f->in.len - before < max) {
		size_t room = max - (f->in.len - before);

		/* a first read in small: most of what comes is a head */
		if (buf_reserve(&f->in, room < 8192 ? room : 8192) < 0) {
			front_kill(f);
			return;
		}
		if (room > f->in.cap - f->in.len - 1)
			room = f->in.cap - f->in.len - 1;
		n = raw_read(f, f->in.data + f->in.len, room);
		if (n <= 0)
			break;
		f->in.len += (size_t)n;
		if (!f->ssl && (size_t)n < room)
			break;
	}
	f->stuck = n == -EAGAIN && f->ssl && tls_wants_write(f->ssl);
	if (f->in.len > before && f->phase == FRONT_SNIFF)
		sniff(f);
	else if (f->in.len > before)
		f->again = true;
	if (f->again && !f->dead && f->phase == FRONT_OPEN) {
		f->again = false;
		f->proto->input(f);
	}
	if (n == 0 && !f->dead)
		on_eof(f);
	else if (n < 0 && n != -EAGAIN)
		front_kill(f);
}

static void start_linger(struct front *f)
{
	if (f->ssl)
		tls_close(f->ssl);
	f->phase = FRONT_LINGER;
	front_progress(f);
	if (shutdown(f->fd, SHUT_WR) < 0)
		front_kill(f);
}

/*
 * Bring the connection to rest: everything that can be done now has been done, and what is
 * watched for is what is missing. Terminates: each round takes bytes off 'in', or off what
 * TLS has decrypted already, or writes some to the socket.
 */
static void settle(struct front *f)
{
	size_t left;

	while (!f->dead) {
		write_out(f);
		if (f->dead || f->phase != FRONT_OPEN || !wants_input(f))
			break;
		left = f->ssl ? tls_pending(f->ssl) : 0;
		if (f->again) {
			f->again = false;
			f->proto->input(f);
		} else if (left) {
			read_in(f, left < FRONT_IN_MAX ? left : FRONT_IN_MAX);
		} else {
			break;
		}
	}
	if (!f->dead && f->phase == FRONT_CLOSING && !front_pending(f))
		start_linger(f);
}

/* Is it of no use to go on for a client that has closed its side? */
static bool is_abort(const struct front *f)
{
	return f->phase == FRONT_OPEN && !f->half;
}

static void watch(struct front *f)
{
	uint32_t events = wants_input(f) && !f->stuck ? EPOLLIN : 0;

	if (front_pending(f) || f->stuck)
		events |= EPOLLOUT;
	/* who isn't read from must still be noticed to leave */
	if (!(events & EPOLLIN) && is_abort(f))
		events |= EPOLLRDHUP;
	(void)loop_source_events(f->src, events);
	if (!f->in.len)
		buf_clear(&f->in);
	if (!f->out.len)
		buf_clear(&f->out);
}

void front_enter(struct front *f)
{
	f->depth++;
}

void front_leave(struct front *f)
{
	if (f->depth == 1)
		settle(f);
	if (--f->depth)
		return;
	if (f->dead)
		free_front(f);
	else
		watch(f);
}

static void on_event(struct loop_source *src, uint32_t events, void *data)
{
	struct front *f = data;

	(void)src;
	front_enter(f);
	if (events & EPOLLERR)
		front_kill(f);
	else if (f->phase == FRONT_HANDSHAKE)
		handshake(f);
	else if (f->phase == FRONT_LINGER)
		linger(f);
	else if (wants_input(f))
		read_in(f, FRONT_IN_MAX);
	else if ((events & EPOLLRDHUP) && is_abort(f))
		front_kill(f);
	else if ((events & EPOLLHUP) && !front_pending(f))
		front_kill(f);
	front_leave(f);
}

static void start_tls(struct front *f, struct x509_st *leaf)
{
	struct front_shared *s = f->g->front;
	struct tls_identity id = {
		.key = s->key, .leaf = leaf, .ca = leaf_ca(s->leaves), .name = f->name
	};
	struct err e = { 0 };

	f->phase = FRONT_HANDSHAKE;
	front_progress(f);
	if (tls_new(s->tls, f->fd, &id, &f->ssl, &e) < 0) {
		front_refused(f, 0, e.msg);
		front_kill(f);
	}
}

static void on_leaf(struct x509_st *leaf, const char *reason, void *data)
{
	struct front *f = data;

	f->leaf = NULL;
	front_enter(f);
	if (leaf) {
		start_tls(f, leaf);
	} else {
		front_refused(f, 0, reason);
		front_kill(f);
	}
	front_leave(f);
}

static int get_leaf(struct front *f, struct err *e)
{
	struct leaf_cache *leaves = f->g->front->leaves;
	char text[ADDRESS_TEXT_MAX];
	const char *name = f->name ? f->name : address_text(&f->dst, text);
	struct x509_st *leaf = leaf_find(leaves, name);

	if (leaf) {
		start_tls(f, leaf);
		return 0;
	}
	if (leaf_ask(leaves, name, on_leaf, f, &f->leaf) < 0)
		return err_set(e, EBUSY,
			"open TLS for '%s': too many certificates are being signed",
			name);
	return 0;
}

static struct front *new_front(struct gate *g, const struct front_spec *s)
{
	struct front_shared *shared = g->front;
	struct front *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->name = s->name ? strdup(s->name) : NULL;
	if (s->name && !f->name) {
		free(f);
		return NULL;
	}
	f->g = g;
	f->fd = s->fd;
	f->tls = s->tls;
	f->proxy = s->proxy;
	f->port = s->port;
	f->has_dst = s->dst != NULL;
	if (s->dst)
		f->dst = *s->dst;
	f->phase = s->tls ? FRONT_LEAF : FRONT_SNIFF;
	f->in.max = 4 * FRONT_IN_MAX;
	f->next = shared->first;
	if (f->next)
		f->next->prev = f;
	shared->first = f;
	if (shared->n++ == 0)
		loop_timer_arm(shared->sweep, FRONT_SWEEP_S * NS_PER_SEC);
	g->conns++;
	front_progress(f);
	return f;
}

int front_start(struct gate *g, const struct front_spec *s, struct err *e)
{
	struct front *f = new_front(g, s);
	int r, on = 1;

	if (!f) {
		(void)close(s->fd);
		return err_set(e, ENOMEM, "connection: out of memory");
	}
	/* what is written is whole: to wait for more would only be to wait (RFC 896) */
	(void)setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	front_enter(f);
	r = loop_add_fd(g->loop, f->fd, EPOLLIN, on_event, f, &f->src, e);
	if (r == 0 && f->tls && !f->name && !f->has_dst)
		r = err_set(e, EINVAL, "open TLS for nobody");
	if (r == 0 && f->tls)
		r = get_leaf(f, e);
	if (r < 0)
		front_kill(f);
	front_leave(f);
	return r;
}
