/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - frames over a byte stream: a unix socket, a vsock, a serial port, a pipe.
 *
 * A frame is a header of eight bytes, little-endian, and a payload:
 *
 *	u32 payload length (at most WIRE_PAYLOAD_MAX)   u16 channel   u8 type   u8 flags
 *
 * Nothing here blocks, and both buffers are bounded: what the peer sends is read in
 * pieces no larger than one frame, what is queued for it stays under 'max', and the
 * user of the wire stops producing while wire_pending() is high. Writing to a socket
 * raises no SIGPIPE; who puts a wire on anything else ignores or blocks that signal.
 */
#ifndef BRIG_BASE_WIRE_H
#define BRIG_BASE_WIRE_H

#include "base/buf.h"

#include <stdbool.h>

#define WIRE_HEADER      8U
#define WIRE_FRAME_MAX   65536U
#define WIRE_PAYLOAD_MAX (WIRE_FRAME_MAX - WIRE_HEADER)
#define WIRE_OUT_MAX     ((size_t)4 << 20)

struct wire {
	int fd;
	bool is_socket;
	struct buf in, out;
	size_t in_at, out_at; /* what is before has been consumed */
};

struct wire_frame {
	uint16_t channel;
	uint8_t type;
	uint8_t flags;
	uint32_t len;
	const void *data; /* of wire_next: until the next wire_read() or wire_clear() */
};

/* The wire takes the descriptor over and makes it non-blocking where it is no socket. */
void wire_init(struct wire *w, int fd);

/* Close the descriptor and free the buffers. A zeroed wire is no wire: wire_init() first.
 */
void wire_clear(struct wire *w);

/*
 * Take what the peer has sent. Returns 1 when there was something, 0 at the end of the
 * stream, -EAGAIN when there is nothing now, -ENOBUFS while a whole frame waits for
 * wire_next(), another -errno when the stream broke.
 */
int wire_read(struct wire *w);

/* The next whole frame: 1, 0 when there is none yet, -EPROTO when the header is a lie. */
int wire_next(struct wire *w, struct wire_frame *ret);

/* Queue a frame. 0, -EMSGSIZE for a payload that is too long, -ENOBUFS when the queue is
 * full. */
int wire_send(struct wire *w, const struct wire_frame *f);

/* Write what the peer takes now. 0 (look at wire_pending()) or -errno when the stream
 * broke. */
int wire_flush(struct wire *w);

/* Bytes that are queued and not yet written. */
size_t wire_pending(const struct wire *w);

/* Give the memory of empty buffers back; for a wire that falls idle. */
void wire_trim(struct wire *w);

/* Little-endian numbers at any address. */
void wire_put16(void *at, uint16_t v);
void wire_put32(void *at, uint32_t v);
void wire_put64(void *at, uint64_t v);
uint16_t wire_get16(const void *at);
uint32_t wire_get32(const void *at);
uint64_t wire_get64(const void *at);

#endif
