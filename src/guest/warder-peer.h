/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warder-peer.h - the keeper's part for tests: a real brig-warder in fresh namespaces.
 *
 * Everything blocks, with a bound: what does not come within PEER_WAIT_MS fails the test.
 */
#ifndef BRIG_GUEST_WARDER_PEER_H
#define BRIG_GUEST_WARDER_PEER_H

#include "base/buf.h"
#include "base/wire.h"
#include "guest/exec.h"
#include "guest/proto.h"
#include "guest/window.h"

#include <sys/types.h>

#define PEER_WAIT_MS  20000
#define PEER_CHANNELS 512

struct peer_channel {
	struct buf out, err;
	uint64_t out_bytes; /* also when nothing is kept */
	bool started, failed, exited, out_eof, err_eof, in_eof;
	bool discard; /* count, don't keep */
	bool stalled; /* give no credit */
	uint32_t pid;
	struct guest_failed why;
	struct guest_exited how;
	struct guest_window tx, rx;
};

struct peer {
	struct wire wire;
	pid_t pid; /* of the warder as seen from here */
	bool ready, gone;
	bool has_range; /* more than one id is mapped */
	unsigned done;  /* DONE frames so far */
	uint32_t done_code;
	struct guest_stats stats;
	bool have_stats;
	struct peer_channel ch[PEER_CHANNELS];
};

/* Start it as PID 1 of a small root on tmpfs, or as a plain process with --reaper. */
struct peer *peer_start(void);
struct peer *peer_start_reaper(void);

/* Close the stream and wait for the end. Returns the wait status. */
int peer_end(struct peer *p);

/* Ask for a command; 'x' needs only what differs from root, "/" and an empty environment.
 */
void peer_exec(struct peer *p, uint16_t channel, struct guest_exec x);
void peer_sh(struct peer *p, uint16_t channel, unsigned flags, const char *script);
void peer_input(struct peer *p, uint16_t channel, const void *data, size_t len);
void peer_send_u32(struct peer *p, uint16_t channel, enum guest_type type, uint32_t v);
void peer_send_empty(struct peer *p, uint16_t channel, enum guest_type type);
void peer_credit(struct peer *p, uint16_t channel); /* ends a stall */

/* Serve until the condition holds. */
bool peer_over(const struct peer_channel *c);
void peer_serve(struct peer *p);
void peer_wait_over(struct peer *p, uint16_t channel);
void peer_wait_out(struct peer *p, uint16_t channel, const char *text);

/* Run a script to its end; its exit status (128 + n for a signal). */
int peer_run(struct peer *p, uint16_t channel, const char *script);
int peer_status(const struct peer_channel *c);

#endif
