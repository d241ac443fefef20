/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wire.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#define READ_MIN 4096U

void wire_put16(void *at, uint16_t v)
{
	uint8_t *p = at;

	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

void wire_put32(void *at, uint32_t v)
{
	wire_put16(at, (uint16_t)v);
	wire_put16((uint8_t *)at + 2, (uint16_t)(v >> 16));
}

void wire_put64(void *at, uint64_t v)
{
	wire_put32(at, (uint32_t)v);
	wire_put32((uint8_t *)at + 4, (uint32_t)(v >> 32));
}

uint16_t wire_get16(const void *at)
{
	const uint8_t *p = at;

	return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t wire_get32(const void *at)
{
	return wire_get16(at) | (uint32_t)wire_get16((const uint8_t *)at + 2) << 16;
}

uint64_t wire_get64(const void *at)
{
	return wire_get32(at) | (uint64_t)wire_get32((const uint8_t *)at + 4) << 32;
}

void wire_init(struct wire *w, int fd)
{
	int type, flags;
	socklen_t len = sizeof(type);

	*w = (struct wire){ .fd = fd, .in.max = WIRE_FRAME_MAX, .out.max = WIRE_OUT_MAX };
	w->is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
	flags = fcntl(fd, F_GETFL);
	if (!w->is_socket && flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void wire_clear(struct wire *w)
{
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	buf_clear(&w->in);
	buf_clear(&w->out);
	w->in_at = w->out_at = 0;
}

void wire_trim(struct wire *w)
{
	if (w->in_at == w->in.len)
		buf_clear(&w->in);
	if (w->out_at == w->out.len)
		buf_clear(&w->out);
	if (!w->in.data)
		w->in_at = 0;
	if (!w->out.data)
		w->out_at = 0;
}

/* Whole length of the frame at the front, as far as the bytes tell; 0 when it is a lie.
 */
static size_t frame_size(const struct wire *w)
{
	uint32_t len;

	if (w->in.len - w->in_at < WIRE_HEADER)
		return WIRE_HEADER;
	len = wire_get32(w->in.data + w->in_at);
	return len > WIRE_PAYLOAD_MAX ? 0 : WIRE_HEADER + len;
}

static ssize_t read_some(const struct wire *w, void *into, size_t len)
{
	ssize_t n;

	do
		n = w->is_socket ? recv(w->fd, into, len, MSG_DONTWAIT)
				 : read(w->fd, into, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int wire_read(struct wire *w)
{
	size_t have, want, room;
	ssize_t n;
	int r;

	want = frame_size(w);
	have = w->in.len - w->in_at;
	if (!want)
		return -EPROTO;
	if (have >= want && have >= WIRE_HEADER)
		return -ENOBUFS;
	buf_drop(&w->in, w->in_at);
	w->in_at = 0;
	/* A buffer that was once filled to the brim may be so again: let it grow. */
	room = want > READ_MIN || w->in.cap > 4 * READ_MIN ? WIRE_FRAME_MAX : READ_MIN;
	r = buf_reserve(&w->in, room - have);
	if (r < 0)
		return r;
	n = read_some(w, w->in.data + have, room - have);
	if (n <= 0)
		return (int)n;
	w->in.len += (size_t)n;
	w->in.data[w->in.len] = '\0';
	if (w->in.len == room && room < WIRE_FRAME_MAX)
		(void)buf_reserve(&w->in, WIRE_FRAME_MAX - room);
	return 1;
}

int wire_next(struct wire *w, struct wire_frame *ret)
{
	size_t size = frame_size(w);
	const uint8_t *at;

	if (!size)
		return -EPROTO;
	if (w->in.len - w->in_at < WIRE_HEADER || w->in.len - w->in_at < size)
		return 0;
	at = (const uint8_t *)w->in.data + w->in_at;
	*ret = (struct wire_frame){
		.len = (uint32_t)(size - WIRE_HEADER),
		.channel = wire_get16(at + 4),
		.type = at[6],
		.flags = at[7],
		.data = at + WIRE_HEADER,
	};
	w->in_at += size;
	return 1;
}

int wire_send(struct wire *w, const struct wire_frame *f)
{
	uint8_t header[WIRE_HEADER];
	int r;

	if (f->len > WIRE_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (w->out_at && w->out_at == w->out.len)
		w->out.len = w->out_at = 0;
	/* Moving the rest down costs; do it when it is the smaller part. */
	if (w->out_at > w->out.len / 2) {
		buf_drop(&w->out, w->out_at);
		w->out_at = 0;
	}
	r = buf_reserve(&w->out, WIRE_HEADER + f->len);
	if (r < 0)
		return r == -EMSGSIZE ? -ENOBUFS : r;
	wire_put32(header, f->len);
	wire_put16(header + 4, f->channel);
	header[6] = f->type;
	header[7] = f->flags;
	(void)buf_add(&w->out, header, sizeof(header));
	return buf_add(&w->out, f->data, f->len);
}

int wire_flush(struct wire *w)
{
	while (w->out_at < w->out.len) {
		const char *from = w->out.data + w->out_at;
		size_t len = w->out.len - w->out_at;
		ssize_t n = w->is_socket
			? send(w->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL)
			: write(w->fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		w->out_at += (size_t)n;
	}
	w->out.len = w->out_at = 0;
	return 0;
}

size_t wire_pending(const struct wire *w)
{
	return w->out.len - w->out_at;
}
