/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock-conn.h - one stream between the guest and a socket of the host's (virtio 1.3, 5.10).
 *
 * Theory of operation. The socket's kernel buffer is the only buffer there is from the host
 * to the guest: bytes are read from it straight into the guest's memory, no more than the
 * guest has credit for. In the other direction they go straight from its memory into the
 * socket; what that doesn't take now is kept, at most VSOCK_BUFFER bytes, which is the credit
 * that the guest was given. Either direction ends for itself, after its last byte.
 *
 *	NONE -> CONNECTING (host's wish) -> OPEN -> ENDED -> NONE
 *	NONE -> OPEN (guest's wish, there is someone)
 *
 * ENDED: the guest has forgotten it and its ports are free; what it sent before is still
 * handed to the socket. All of a connection's owing is in it (vsock_conn_owes): the device
 * asks for one packet after the other as the guest gives room.
 */
#ifndef BRIG_VMM_VIRTIO_VSOCK_CONN_H
#define BRIG_VMM_VIRTIO_VSOCK_CONN_H

#include "vmm/virtio/vsock-packet.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#define VSOCK_BUFFER (256U << 10)

enum vsock_state { VSOCK_NONE, VSOCK_CONNECTING, VSOCK_OPEN, VSOCK_ENDED };

struct vsock_conn {
	enum vsock_state state;
	uint32_t host_port, guest_port;
	int fd;

	/* host to guest; free-running counts of bytes, as all below */
	uint32_t guest_alloc, guest_fwd, sent;
	bool readable; /* the socket has something, or its end */
	bool eof;      /* that was the end */
	bool asked;    /* for credit, and has got none since */

	/* guest to host */
	uint32_t received, forwarded,
		told;     /* told: the 'forwarded' that the guest knows */
	uint8_t *pending; /* a ring of VSOCK_BUFFER, the device's */
	uint32_t pending_at, pending_len;

	uint8_t guest_shut, host_shut, host_told; /* VSOCK_NO_* */
	uint8_t owes;

	/* for vsock_conn_tidy() */
	bool shut_read, shut_write;
	int dead; /* a socket to be closed; -1 */

	/* the device's */
	uint8_t batch;
	bool queued;
	uint32_t generation;
	uint32_t armed; /* VSOCK_UNWATCHED, or what epoll watches for */
	struct vsock_conn *next;
};

/* Nothing is to be watched for, not even EPOLLHUP, which comes unasked. */
#define VSOCK_UNWATCHED UINT32_MAX

/* Begin: by the guest's REQUEST 'p', or by the host's wish (NULL). Takes the socket. */
void vsock_conn_begin(struct vsock_conn *c, int fd, const struct vsock_packet *p);

/* End at once, whatever is pending. */
void vsock_conn_clear(struct vsock_conn *c);

/* What the others have left to the main thread: to shut the socket down, and to close it. Until
 * then this place is nobody else's. */
bool vsock_conn_is_tidy(const struct vsock_conn *c);
void vsock_conn_tidy(struct vsock_conn *c);

/* A packet from the guest, with its payload of p->len bytes. */
void vsock_conn_receive(struct vsock_conn *c, const struct vsock_packet *p,
	const struct iovec *iov, unsigned n);

/* The socket is ready: what epoll said. */
void vsock_conn_ready(struct vsock_conn *c, uint32_t events);

/* What to watch the socket for now: EPOLLIN and EPOLLOUT, 0 for its hang-up alone, or
 * VSOCK_UNWATCHED. */
uint32_t vsock_conn_wants(const struct vsock_conn *c);

/* May bytes be read for the guest now? How many. */
uint32_t vsock_conn_credit(const struct vsock_conn *c);
bool vsock_conn_can_read(const struct vsock_conn *c);

/* Read for the guest, at most the credit. Returns the count, 0 where there is nothing now
 * (readable is false then, or the end was noted). */
ssize_t vsock_conn_read(struct vsock_conn *c, struct iovec *iov, unsigned n);

/* Is there a packet without payload to be sent? And the next one: ports and so on are left
 * to vsock_conn_address(). After a VSOCK_RST the connection is ENDED or NONE. */
bool vsock_conn_owes(const struct vsock_conn *c);
void vsock_conn_pay(struct vsock_conn *c, struct vsock_packet *ret);

/* Ports, type and credit of any packet that is sent now; the guest knows it then. */
void vsock_conn_address(struct vsock_conn *c, struct vsock_packet *p);

#endif
