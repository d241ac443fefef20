/* SPDX-License-Identifier: Apache-2.0 */
/* vsock-guest.h - a guest with one stream, for tests of vsock. What fails here fails the test. */
#ifndef BRIG_VMM_VIRTIO_VSOCK_GUEST_H
#define BRIG_VMM_VIRTIO_VSOCK_GUEST_H

#include "vmm/virtio/testing.h"
#include "vmm/virtio/vsock-conn.h"
#include "vmm/virtio/vsock.h"

#define RX_BUFFERS 32U
#define RX_SIZE    4096U
#define ALLOC      65536U /* the guest's buffer for a stream */
#define PORT       1024U
#define SRC        5000U

/* A guest with one stream to keep account of. */
struct guest {
	struct testing t;
	int host; /* the far end of the stream */
	uint64_t rx_at[TESTING_SIZE], tx_at;
	uint32_t alloc, fwd;
	uint32_t peer_alloc, peer_fwd, sent;
	uint8_t data[RX_SIZE];
};

/* Begin with a stream behind PORT, whose other end is g->host, and so many buffers; or with a
 * device that the harness has already. */
void guest_begin(struct guest *g, unsigned buffers);
void guest_live(struct guest *g, unsigned buffers);
void guest_finish(struct guest *g);
void guest_give(struct guest *g, uint64_t at); /* a buffer */

/* A packet, with what it leaves out filled in: on the queue, and sent. */
void guest_offer(struct guest *g, struct vsock_packet p, const void *data);
void guest_send(struct guest *g, struct vsock_packet p, const void *data);
void guest_op(struct guest *g, enum vsock_op what, uint32_t flags);
void guest_say(struct guest *g, const char *text);
void guest_connect(struct guest *g);

/* What it finds in its buffers; and the same after the main thread's turn where it takes one. */
bool guest_look(struct guest *g, struct vsock_packet *p);
bool guest_next(struct guest *g, struct vsock_packet *p);
bool guest_is_quiet(struct guest *g);
bool guest_host_hears(struct guest *g, const char *text);

#define expect_op(g, what, flags_)                                                     \
	do {                                                                           \
		struct vsock_packet p_;                                                \
		expect(guest_next(g, &p_) && p_.op == (what) && p_.flags == (flags_)); \
	} while (0)

#endif
