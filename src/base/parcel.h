/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parcel.h - a message with descriptors, between two processes of brig.
 *
 * Over a unix socket of type SOCK_SEQPACKET (parcel_pair()), so a message arrives whole
 * or not at all (unix(7), SCM_RIGHTS). What is too long for one parcel goes as a file in
 * memory (parcel_memfd()). Nothing here blocks.
 */
#ifndef BRIG_BASE_PARCEL_H
#define BRIG_BASE_PARCEL_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define PARCEL_MAX     32768U /* bytes of payload */
#define PARCEL_FDS_MAX 16U

struct parcel {
	uint32_t type;
	size_t len;
	const void *data; /* of parcel_recv: within the struct's own room */
	int fds[PARCEL_FDS_MAX];
	size_t fds_n;
	unsigned char
		room[PARCEL_MAX + 1]; /* always ended by a NUL that is not counted */
};

/* Two connected ends, close-on-exec and non-blocking. */
int parcel_pair(int ret[2], struct err *e);

/*
 * Send a message; the descriptors stay the caller's. 0, -EAGAIN when the peer doesn't
 * keep up, -EMSGSIZE, -EPIPE when it is gone.
 */
int parcel_send(int fd, uint32_t type, const void *data, size_t len);
int parcel_send_fds(int fd, const struct parcel *p); /* type, data, len, fds, fds_n */

/*
 * The next message: 1, 0 at the end of the stream, -EAGAIN when there is none now,
 * -EPROTO for one that is malformed. Descriptors come close-on-exec and are the caller's:
 * parcel_close_fds().
 */
int parcel_recv(int fd, struct parcel *ret);
void parcel_close_fds(struct parcel *p);

/* A sealed file in memory with these bytes; its descriptor, or -errno. */
int parcel_memfd(const char *name, const void *data, size_t len, struct err *e);

/* Append what such a file holds, at most 'max' bytes, whatever its offset is. */
int parcel_read_memfd(int fd, size_t max, struct buf *out, struct err *e);

#endif
