/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-conn.c - a connection to a published port, or to a socket of the host's, carried by a
 * channel.
 *
 * Theory of operation. The channel runs "@dial PORT" of the warder; its standard input and
 * output are the connection. What is read from the host's side is bounded by the channel's
 * window and by what waits for the warder; what comes from inside is paid back when the
 * host's side has taken it. So either end that stalls holds up the other, and nothing
 * piles up here. The two may end apart from each other: a connection without its channel
 * still writes what came, a channel without its connection is only seen off.
 *
 * Of a unix socket ('local') a direction breaks without the other: a server that closes has
 * its last words heard all the same. So there everything is read before it counts as broken,
 * and the warder's side delivers it before it ends.
 */
#include "sandbox/keeper-ports.h"
#include "sandbox/keeper-priv.h"
#include "sandbox/keeper-relay.h"
#include "sandbox/keeper-sockets.h"

#include "base/err.h"
#include "base/loop.h"

#include <signal.h>
#include <sys/socket.h>

#define CONNS_MAX 256
/* With less room than this, credit is on its way: wait for it rather than send crumbs. */
#define ROOM_MIN (GUEST_WINDOW / 16)

struct port_conn {
	struct port_conn *next;
	struct keeper *k;
	struct channel *ch; /* NULL: over */
	struct loop_source *src;
	int fd;
	bool local;    /* a unix socket */
	bool out_dead; /* local: nobody hears what is said from inside */
	bool in_eof;   /* the host's side has ended what it says */
	bool out_eof;  /* the server inside has */
	struct buf out;
	size_t out_at;
};

static char scratch[WIRE_PAYLOAD_MAX];

static void close_hard(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(fd);
}

static void conn_free(struct port_conn *c, bool reset)
{
	struct port_conns *all = ports_conns(c->k);

	for (struct port_conn **at = &all->first; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			all->n--;
			break;
		}
	if (c->ch)
		c->ch->conn = NULL;
	else if (c->local)
		sockets_one_less(c->k);
	loop_source_free(c->src);
	if (reset)
		close_hard(c->fd);
	else
		(void)close(c->fd);
	buf_clear(&c->out);
	free(c);
}

/* Bytes from inside are off our hands. */
static void pay(struct keeper *k, struct channel *ch, size_t n)
{
	if (!n)
		return;
	ch->unpaid += (uint32_t)n;
	relay_pay(k, ch);
}

/* The host's side is broken: so is the other to be. What it still says is thrown away. */
static void conn_break(struct port_conn *c)
{
	struct keeper *k = c->k;
	struct channel *ch = c->ch;
	size_t owed = c->out.len - c->out_at;
	bool told = c->in_eof;
	const struct wire_frame eof = {
		.channel = ch ? ch->id : 0, .type = GUEST_EOF, .flags = GUEST_STDIN
	};

	conn_free(c, true);
	if (!ch)
		return;
	if (ch->local && !told && !ch->exited)
		relay_send(k, &eof);
	if (!ch->exited)
		(void)guest_send_u32(&k->guest, ch->id, GUEST_SIGNAL, SIGTERM);
	pay(k, ch, owed);
	relay_flush(k);
}

static bool may_read(const struct port_conn *c)
{
	return !c->in_eof && c->ch && !c->ch->exited && c->ch->in.left >= ROOM_MIN &&
		!relay_congested(c->k);
}

/*
 * A host's side that may not be read sleeps, as its end would wake us for nothing; one
 * that has said all and waits for an answer is watched for its breaking (EPOLLERR).
 */
static void conn_watch(struct port_conn *c)
{
	uint32_t events = may_read(c) ? EPOLLIN : 0;

	if (c->out.len > c->out_at)
		events |= EPOLLOUT;
	if (!events && c->in_eof)
		events = EPOLLPRI;
	(void)loop_source_events(c->src, events);
}

/* Write what it takes. False when the connection is no more. */
static bool conn_flush(struct port_conn *c)
{
	size_t from = c->out_at;

	while (c->out_at < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->out_at, c->out.len - c->out_at,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && c->local && c->ch && !c->in_eof) {
			/* first hear what it still has to say */
			c->out_dead = true;
			c->out_at = c->out.len;
			break;
		}
		if (n < 0) {
			conn_break(c);
			return false;
		}
		c->out_at += (size_t)n;
	}
	if (c->ch)
		pay(c->k, c->ch, c->out_at - from);
	if (c->out_at < c->out.len)
		return true;
	buf_clear(&c->out);
	c->out_at = 0;
	/* the channel's end is that of what it reads, too */
	if (!c->ch || (c->out_eof && c->in_eof)) {
		conn_free(c, false);
		return false;
	}
	if (c->out_eof)
		(void)shutdown(c->fd, SHUT_WR);
	return true;
}

/* False when the connection is no more. */
static bool conn_read(struct port_conn *c)
{
	uint32_t room = c->ch->in.left;
	size_t want = room < sizeof(scratch) ? room : sizeof(scratch);
	ssize_t n = recv(c->fd, scratch, want, MSG_DONTWAIT);
	struct wire_frame f = { .channel = c->ch->id,
		.type = GUEST_DATA,
		.flags = GUEST_STDIN,
		.data = scratch };

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0 || (n == 0 && c->out_dead)) {
		conn_break(c);
		return false;
	}
	f.len = (uint32_t)n;
	if (n == 0) {
		f.type = GUEST_EOF;
		c->in_eof = true;
	}
	(void)guest_window_spend(&c->ch->in, f.len);
	relay_send(c->k, &f);
	/* both have ended: the last of what came from inside has been written, or will be */
	return !c->in_eof || conn_flush(c);
}

static void host_ready(struct loop_source *src, uint32_t events, void *data)
{
	struct port_conn *c = data;

	(void)src;
	if (c->k->ending)
		return;
	if (((events & EPOLLERR) && (!c->local || c->in_eof)) ||
		((events & EPOLLHUP) && c->in_eof)) {
		conn_break(c);
		return;
	}
	if ((events & EPOLLOUT) && !conn_flush(c))
		return;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && may_read(c) && !conn_read(c))
		return;
	conn_watch(c);
}

static struct channel *start_channel(struct keeper *k, uint16_t guest)
{
	char dial[] = "@dial", port[8];
	char *argv[] = { dial, port, NULL };
	struct control_request q = {
		.argv = { argv, 2 }, .builtin = true, .stdin_open = true
	};
	struct channel *ch;

	(void)snprintf(port, sizeof(port), "%u", guest);
	ch = relay_exec(k, &q, relay_new_id(k), NULL);
	if (ch)
		ch->port = true;
	return ch;
}

/* Takes the socket over, whatever comes of it. */
static struct port_conn *conn_new(struct keeper *k, int fd)
{
	struct port_conns *all = ports_conns(k);
	struct port_conn *c = all->n < CONNS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c || loop_add_fd(k->loop, fd, EPOLLIN, host_ready, c, &c->src, NULL) < 0) {
		free(c);
		close_hard(fd);
		return NULL;
	}
	c->k = k;
	c->fd = fd;
	c->out.max = (size_t)2 * GUEST_WINDOW; /* half of it written already */
	c->next = all->first;
	all->first = c;
	all->n++;
	return c;
}

void conn_accept(struct keeper *k, int fd, uint16_t guest)
{
	struct port_conn *c = conn_new(k, fd);

	if (!c)
		return;
	c->ch = start_channel(k, guest);
	if (!c->ch)
		conn_free(c, true);
	else
		c->ch->conn = c;
}

int conn_attach(struct keeper *k, struct channel *ch, int fd)
{
	struct wire_frame go = { .channel = ch->id,
		.type = GUEST_DATA,
		.flags = GUEST_STDIN,
		.data = "",
		.len = 1 };
	struct port_conn *c = conn_new(k, fd);

	if (!c)
		return -ENOMEM;
	c->local = true;
	c->ch = ch;
	ch->conn = c;
	(void)guest_window_spend(&ch->in, go.len);
	relay_send(k, &go);
	return 0;
}

void conn_close_all(struct keeper *k)
{
	struct port_conns *all = ports_conns(k);

	while (all->first)
		conn_free(all->first, true);
}

void conn_resume_all(struct keeper *k)
{
	for (struct port_conn *c = ports_conns(k)->first; c; c = c->next)
		conn_watch(c);
}

static int data(struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	struct port_conn *c = ch->conn;
	int r = guest_window_spend(&ch->out, f->len);

	if (r < 0)
		return r;
	if (ch->shared && f->flags == GUEST_STDOUT) {
		pay(k, ch, f->len);
		return sockets_came(k, ch, f);
	}
	if (!c || c->out_eof || c->out_dead || f->flags != GUEST_STDOUT) {
		pay(k, ch, f->len);
		/* refused, or reset: the host's side is to see it as such, and at once */
		if (c && f->flags == GUEST_STDERR)
			conn_break(c);
		return 0;
	}
	if (c->out_at > c->out.len / 2) {
		buf_drop(&c->out, c->out_at);
		c->out_at = 0;
	}
	if (buf_add(&c->out, f->data, f->len) < 0) {
		pay(k, ch, f->len);
		conn_break(c);
	} else if (conn_flush(c)) {
		conn_watch(c);
	}
	return 0;
}

static void eof(struct channel *ch, enum guest_stream stream)
{
	struct port_conn *c = ch->conn;

	if (stream != GUEST_STDIN)
		ch->eofs++;
	if (!c || stream == GUEST_STDERR)
		return;
	/* nobody inside reads any more: what is still said is for nobody */
	if (stream == GUEST_STDIN)
		c->in_eof = true;
	else
		c->out_eof = true;
	if (conn_flush(c))
		conn_watch(c);
}

/* All has come from inside; what is left is to be written. */
static void channel_over(struct keeper *k, struct channel *ch)
{
	struct port_conn *c = ch->conn;

	if (ch->local)
		sockets_channel_over(k, ch, NULL);
	relay_remove(k, ch);
	if (!c)
		return;
	c->ch = NULL;
	if (conn_flush(c))
		conn_watch(c);
}

static int dial_exited(struct channel *ch, const struct wire_frame *f)
{
	struct guest_exited x;

	if (guest_exited_decode(f, &x) < 0 || ch->exited)
		return -EPROTO;
	ch->exited = true;
	if (x.status != 0 && ch->conn)
		conn_break(ch->conn);
	return 0;
}

static int dial_failed(struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	struct guest_failed x;

	if (guest_failed_decode(f, &x) < 0 || ch->started)
		return -EPROTO;
	ch->exited = true;
	if (ch->conn)
		conn_break(ch->conn);
	if (ch->local)
		sockets_channel_over(k, ch, &x);
	relay_remove(k, ch);
	return 0;
}

static int credit(struct channel *ch, const struct wire_frame *f)
{
	uint32_t n;
	int r = guest_u32_decode(f, &n);

	if (r == 0)
		r = guest_window_grow(&ch->in, n);
	if (r == 0 && ch->conn)
		conn_watch(ch->conn);
	return r;
}

int conn_frame(struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	int r = 0;

	switch (f->type) {
	case GUEST_DATA: return data(k, ch, f);
	case GUEST_CREDIT: return credit(ch, f);
	case GUEST_FAILED: return dial_failed(k, ch, f);
	case GUEST_STARTED:
		r = ch->started ? -EPROTO : 0;
		ch->started = true;
		return r;
	case GUEST_EXITED: r = dial_exited(ch, f); break;
	case GUEST_EOF: eof(ch, (enum guest_stream)f->flags); break;
	default: return -EPROTO;
	}
	if (r == 0 && ch->exited && ch->eofs >= 2)
		channel_over(k, ch);
	return r;
}
