/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-parts.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"

#include <fcntl.h>
#include <sys/socket.h>

/*
 * Theory of operation. A connection has two bounded buffers. Whatever happens to it, one
 * function puts it forward: take the queries that are whole, while not too many wait and
 * the client reads its answers; write; then watch for what is missing. Only that function,
 * the timer and the end of the name server free a connection.
 */
#define PREFIX    2U /* RFC 7766 section 8 */
#define IDLE_NS   (10 * NS_PER_SEC)
#define WAIT_MAX  16U
#define OUT_HIGH  16384U
#define IN_MAX    (PREFIX + DNS_QUERY_MAX)
#define OUT_BOUND (OUT_HIGH + (WAIT_MAX + 1) * (PREFIX + DNS_OWN_ANSWER_MAX))

struct dns_conn {
	struct dns_conn *next, *prev;
	struct dns *dns;
	struct loop_source *src, *timer;
	int fd;
	struct buf in, out;
	unsigned waiting;
	bool eof, moving;
};

static void conn_free(struct dns_conn *c)
{
	struct dns *d = c->dns;

	c->moving = true; /* what is forgotten now doesn't put it forward */
	dns_forget(d, c);
	loop_source_free(c->src);
	loop_source_free(c->timer);
	(void)close(c->fd);
	buf_clear(&c->in);
	buf_clear(&c->out);
	if (c->prev)
		c->prev->next = c->next;
	else if (d->conns == c)
		d->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	d->conns_n--;
	free(c);
}

/* -EPROTO for a message that nobody sends. */
static int take_queries(struct dns_conn *c)
{
	struct dns_path via = { .conn = c, .fd = c->fd };

	while (c->waiting < WAIT_MAX && c->out.len < OUT_HIGH && c->in.len >= PREFIX) {
		const uint8_t *p = (const uint8_t *)c->in.data;
		size_t len = (size_t)p[0] << 8 | p[1];

		if (len < DNS_HEADER || len > DNS_QUERY_MAX)
			return -EPROTO;
		if (c->in.len - PREFIX < len)
			break;
		dns_take(c->dns, p + PREFIX, len, &via);
		buf_drop(&c->in, PREFIX + len);
		loop_timer_arm(c->timer, IDLE_NS);
	}
	return 0;
}

static int write_answers(struct dns_conn *c)
{
	ssize_t n;

	if (!c->out.len)
		return 0;
	n = send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	buf_drop(&c->out, (size_t)n);
	loop_timer_arm(c->timer, IDLE_NS);
	return 0;
}

static int watch(struct dns_conn *c)
{
	uint32_t events = c->out.len ? EPOLLOUT : 0;

	if (!c->eof && c->in.len < IN_MAX && c->waiting < WAIT_MAX &&
		c->out.len < OUT_HIGH)
		events |= EPOLLIN;
	return loop_source_events(c->src, events);
}

static void move(struct dns_conn *c)
{
	int r;

	c->moving = true;
	r = take_queries(c);
	c->moving = false;
	if (r == 0)
		r = write_answers(c);
	if (r == 0)
		r = watch(c);
	if (r < 0 || (c->eof && !c->waiting && !c->out.len))
		conn_free(c);
}

static void on_conn(struct loop_source *src, uint32_t events, void *data)
{
	struct dns_conn *c = data;
	size_t room = IN_MAX - c->in.len;

	(void)src;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && room) {
		ssize_t n = buf_read(&c->in, c->fd, room);

		if (n < 0 && n != -EAGAIN && n != -EINTR) {
			conn_free(c);
			return;
		}
		c->eof |= n == 0;
	}
	move(c);
}

static void on_idle(struct loop_source *src, void *data)
{
	(void)src;
	conn_free(data);
}

void dns_tcp_send(struct dns_conn *c, const void *msg, size_t len)
{
	uint8_t prefix[PREFIX] = { (uint8_t)(len >> 8), (uint8_t)len };

	if (c->out.len + PREFIX + len <= OUT_BOUND &&
		buf_reserve(&c->out, PREFIX + len) == 0) {
		(void)buf_add(&c->out, prefix, PREFIX);
		(void)buf_add(&c->out, msg, len);
	}
	if (!c->moving)
		move(c);
}

void dns_tcp_count(struct dns_conn *c, int change)
{
	c->waiting += (unsigned)change;
}

void dns_tcp_stop(struct dns *d)
{
	while (d->conns)
		conn_free(d->conns);
}

int dns_serve_tcp(struct dns *d, int fd, struct err *e)
{
	auto_fd int own = fd;
	struct dns_conn *c;
	int r;

	if (d->conns_n >= DNS_CONNS_MAX)
		return err_set(e, EBUSY, "name server: too many connections");
	r = fcntl(fd, F_GETFL);
	if (r < 0 || fcntl(fd, F_SETFL, r | O_NONBLOCK) < 0)
		return err_sys(e, "name server: connection");
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, ENOMEM, "name server: out of memory");
	*c = (struct dns_conn){ .dns = d, .fd = take_fd(&own) };
	c->next = d->conns;
	if (c->next)
		c->next->prev = c;
	d->conns = c;
	d->conns_n++;
	r = loop_add_timer(d->gate->loop, on_idle, c, &c->timer, e);
	if (r == 0)
		r = loop_add_fd(d->gate->loop, c->fd, EPOLLIN, on_conn, c, &c->src, e);
	if (r < 0) {
		conn_free(c);
		return r;
	}
	loop_timer_arm(c->timer, IDLE_NS);
	return 0;
}
