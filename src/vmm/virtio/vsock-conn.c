/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock-conn.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OWES_REQUEST = 1,
	OWES_RESPONSE = 2,
	OWES_RST = 4,
	OWES_CREDIT = 8,
	OWES_QUESTION = 16, /* for credit */
};

/* Tell the guest of freed room once there is so much that it doesn't know of. */
#define TELL_AT (VSOCK_BUFFER / 4)

static void learn_credit(struct vsock_conn *c, const struct vsock_packet *p)
{
	c->guest_alloc = p->buf_alloc;
	c->guest_fwd = p->fwd_cnt;
	if (vsock_conn_credit(c))
		c->asked = false;
}

void vsock_conn_begin(struct vsock_conn *c, int fd, const struct vsock_packet *p)
{
	c->fd = fd;
	c->batch = 1;
	c->armed = VSOCK_UNWATCHED;
	if (p) {
		c->state = VSOCK_OPEN;
		c->owes = OWES_RESPONSE;
		learn_credit(c, p);
	} else {
		c->state = VSOCK_CONNECTING;
		c->owes = OWES_REQUEST;
	}
}

static void drop_pending(struct vsock_conn *c)
{
	c->pending_at = c->pending_len = 0;
	c->forwarded = c->received;
}

static void close_socket(struct vsock_conn *c)
{
	if (c->fd >= 0)
		c->dead = c->fd;
	c->fd = -1;
	c->readable = false;
	drop_pending(c);
}

void vsock_conn_clear(struct vsock_conn *c)
{
	close_socket(c);
	c->state = VSOCK_NONE;
	c->owes = 0;
}

bool vsock_conn_is_tidy(const struct vsock_conn *c)
{
	return c->dead < 0 && (c->fd < 0 || (!c->shut_read && !c->shut_write));
}

void vsock_conn_tidy(struct vsock_conn *c)
{
	if (c->fd >= 0 && c->shut_read)
		(void)shutdown(c->fd, SHUT_RD);
	if (c->fd >= 0 && c->shut_write)
		(void)shutdown(c->fd, SHUT_WR);
	c->shut_read = c->shut_write = false;
	if (c->dead >= 0)
		(void)close(c->dead);
	c->dead = -1;
}

/* The guest forgets it: what it sent is still delivered. */
static void end(struct vsock_conn *c)
{
	c->owes = 0;
	c->readable = false;
	c->state = VSOCK_ENDED;
	if (c->pending_len == 0)
		vsock_conn_clear(c);
}

/* Nobody is at the other end of the socket: neither direction goes on. */
static void hang_up(struct vsock_conn *c)
{
	close_socket(c);
	c->eof = true;
	c->host_shut = VSOCK_NEITHER;
	if (c->state == VSOCK_ENDED)
		c->state = VSOCK_NONE;
	if (c->guest_shut == VSOCK_NEITHER)
		c->owes |= OWES_RST;
}

/* Room has come free: the guest is told when it is worth a packet. */
static void tell(struct vsock_conn *c)
{
	if (c->state == VSOCK_OPEN && !(c->guest_shut & VSOCK_NO_SEND) &&
		c->forwarded - c->told >= TELL_AT)
		c->owes |= OWES_CREDIT;
}

/* After a change of pending or guest_shut. */
static void settle(struct vsock_conn *c)
{
	if (c->pending_len)
		return;
	drop_pending(c);
	if (c->state == VSOCK_ENDED) {
		vsock_conn_clear(c);
		return;
	}
	if (c->guest_shut & VSOCK_NO_SEND)
		c->shut_write = true;
	if (c->guest_shut == VSOCK_NEITHER) {
		/* the clean end: both have what was sent (section 5.10.6.5) */
		c->owes |= OWES_RST;
		close_socket(c);
	} else {
		tell(c);
	}
}

/* Returns how many bytes the socket took, 0 for none now; -errno: it takes none any more. */
static ssize_t put(int fd, struct iovec *iov, unsigned n)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t r;

	do
		r = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? 0
									      : -errno;
	return r;
}

/* The socket takes nothing any more; what it has sent is still read. */
static void stop_writing(struct vsock_conn *c)
{
	drop_pending(c);
	c->host_shut |= VSOCK_NO_RECEIVE;
	if (c->state == VSOCK_ENDED || c->host_shut == VSOCK_NEITHER ||
		c->guest_shut == VSOCK_NEITHER)
		hang_up(c);
}

static void flush(struct vsock_conn *c)
{
	while (c->pending_len) {
		uint32_t first = VSOCK_BUFFER - c->pending_at;
		struct iovec iov[2];
		ssize_t r;

		if (first > c->pending_len)
			first = c->pending_len;
		iov[0] = (struct iovec){ c->pending + c->pending_at, first };
		iov[1] = (struct iovec){ c->pending, c->pending_len - first };
		r = put(c->fd, iov, 2);
		if (r < 0) {
			stop_writing(c);
			return;
		}
		if (r == 0)
			return;
		c->pending_at = (c->pending_at + (uint32_t)r) % VSOCK_BUFFER;
		c->pending_len -= (uint32_t)r;
		c->forwarded += (uint32_t)r;
		tell(c);
	}
	settle(c);
}

/* Keep what the socket didn't take; the credit was checked, so there is room. */
static void keep(struct vsock_conn *c, const uint8_t *from, size_t n)
{
	while (n) {
		uint32_t at = (c->pending_at + c->pending_len) % VSOCK_BUFFER;
		size_t piece = VSOCK_BUFFER - at < n ? VSOCK_BUFFER - at : n;

		memcpy(c->pending + at, from, piece);
		c->pending_len += (uint32_t)piece;
		from += piece;
		n -= piece;
	}
}

static void receive_data(struct vsock_conn *c, const struct vsock_packet *p,
	const struct iovec *iov, unsigned n)
{
	size_t skip = 0;

	if (c->state != VSOCK_OPEN || c->guest_shut & VSOCK_NO_SEND ||
		p->len > VSOCK_BUFFER - (c->received - c->forwarded)) {
		c->owes |= OWES_RST; /* more than it may */
		return;
	}
	c->received += p->len;
	if (c->fd < 0 || c->host_shut & VSOCK_NO_RECEIVE) {
		c->forwarded = c->received; /* nobody wants it, and the guest was told */
		return;
	}
	if (c->pending_len == 0 && n) {
		ssize_t r = put(c->fd, (struct iovec *)(uintptr_t)iov, n);

		if (r < 0) {
			stop_writing(c);
			return;
		}
		skip = (size_t)r;
		c->forwarded += (uint32_t)r;
	}
	for (unsigned i = 0; i < n; i++) {
		size_t past = skip < iov[i].iov_len ? skip : iov[i].iov_len;

		keep(c, (const uint8_t *)iov[i].iov_base + past, iov[i].iov_len - past);
		skip -= past;
	}
	settle(c);
}

static void receive_shutdown(struct vsock_conn *c, uint32_t flags)
{
	if (c->state != VSOCK_OPEN) {
		c->owes |= OWES_RST;
		return;
	}
	c->guest_shut |= flags & VSOCK_NEITHER;
	if (c->guest_shut & VSOCK_NO_RECEIVE) {
		c->readable = false;
		c->shut_read = true;
	}
	settle(c);
}

void vsock_conn_receive(struct vsock_conn *c, const struct vsock_packet *p,
	const struct iovec *iov, unsigned n)
{
	learn_credit(c, p);
	switch (p->op) {
	case VSOCK_RW: receive_data(c, p, iov, n); break;
	case VSOCK_CREDIT_UPDATE: break;
	case VSOCK_CREDIT_REQUEST: c->owes |= OWES_CREDIT; break;
	case VSOCK_SHUTDOWN: receive_shutdown(c, p->flags); break;
	case VSOCK_RST: end(c); break;
	case VSOCK_RESPONSE:
		if (c->state == VSOCK_CONNECTING && !(c->owes & OWES_REQUEST))
			c->state = VSOCK_OPEN;
		else
			c->owes |= OWES_RST;
		break;
	default: c->owes |= OWES_RST; break;
	}
}

void vsock_conn_ready(struct vsock_conn *c, uint32_t events)
{
	uint32_t wanted = vsock_conn_wants(c);

	if (wanted == VSOCK_UNWATCHED)
		return;
	if (wanted == 0) {
		if (events & (EPOLLHUP | EPOLLERR))
			hang_up(c);
		return;
	}
	/* a socket that hangs up may have bytes left: reading it tells */
	if (wanted & EPOLLIN && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		c->readable = true;
	if (wanted & EPOLLOUT && events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		flush(c);
}

uint32_t vsock_conn_wants(const struct vsock_conn *c)
{
	uint32_t wanted = c->pending_len ? EPOLLOUT : 0;

	if (c->fd < 0 || c->state == VSOCK_NONE || c->state == VSOCK_CONNECTING)
		return VSOCK_UNWATCHED;
	if (c->state == VSOCK_ENDED)
		return wanted;
	if (!c->eof && !(c->guest_shut & VSOCK_NO_RECEIVE)) {
		/* once there is something, it waits for the guest and not for the socket */
		if (!c->readable && vsock_conn_credit(c))
			wanted |= EPOLLIN;
		return wanted ? wanted : VSOCK_UNWATCHED;
	}
	return wanted;
}

uint32_t vsock_conn_credit(const struct vsock_conn *c)
{
	uint32_t under_way = c->sent - c->guest_fwd;

	return under_way < c->guest_alloc ? c->guest_alloc - under_way : 0;
}

bool vsock_conn_can_read(const struct vsock_conn *c)
{
	return c->state == VSOCK_OPEN && c->readable && !c->eof &&
		!(c->owes & (OWES_RST | OWES_RESPONSE)) && vsock_conn_credit(c);
}

ssize_t vsock_conn_read(struct vsock_conn *c, struct iovec *iov, unsigned n)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t r;

	do
		r = recvmsg(c->fd, &m, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r > 0) {
		c->sent += (uint32_t)r;
		return r;
	}
	c->readable = false;
	if (r == 0) {
		c->eof = true;
		c->host_shut |= VSOCK_NO_SEND;
		if (c->host_shut == VSOCK_NEITHER)
			hang_up(c);
	} else if (errno != EAGAIN) {
		hang_up(c);
	}
	return 0;
}

bool vsock_conn_owes(const struct vsock_conn *c)
{
	if (c->state != VSOCK_OPEN && c->state != VSOCK_CONNECTING)
		return false;
	return c->owes || (c->host_shut & ~c->host_told) ||
		(c->readable && !c->asked && !vsock_conn_credit(c));
}

void vsock_conn_address(struct vsock_conn *c, struct vsock_packet *p)
{
	p->src_cid = VSOCK_HOST_CID;
	p->src_port = c->host_port;
	p->dst_port = c->guest_port;
	p->type = VSOCK_STREAM;
	p->buf_alloc = VSOCK_BUFFER;
	p->fwd_cnt = c->told = c->forwarded;
	c->owes &= (uint8_t)~OWES_CREDIT;
}

void vsock_conn_pay(struct vsock_conn *c, struct vsock_packet *ret)
{
	*ret = (struct vsock_packet){ .op = VSOCK_CREDIT_UPDATE };
	if (c->owes & OWES_RST) {
		ret->op = VSOCK_RST;
		vsock_conn_address(c, ret);
		end(c);
		return;
	}
	if (c->owes & OWES_REQUEST) {
		ret->op = VSOCK_REQUEST;
		c->owes &= (uint8_t)~OWES_REQUEST;
	} else if (c->owes & OWES_RESPONSE) {
		ret->op = VSOCK_RESPONSE;
		c->owes &= (uint8_t)~OWES_RESPONSE;
	} else if (c->host_shut & ~c->host_told) {
		ret->op = VSOCK_SHUTDOWN;
		ret->flags = c->host_told = c->host_shut;
	} else if (!(c->owes & OWES_CREDIT)) {
		ret->op = VSOCK_CREDIT_REQUEST;
		c->asked = true;
	}
	vsock_conn_address(c, ret);
}
