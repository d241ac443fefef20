/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.h - what the keeper asks of a running VMM: to pause, to go on, for figures, and for all
 * that it is (machine_save()).
 *
 * The two are joined by a pair of SOCK_SEQPACKET sockets. A question is one message, and so is
 * its answer, which bears the question's number. When the asking end is closed, a paused
 * machine goes on.
 *
 * While it is paused no vCPU runs and nothing else is served, either: no frame, no timer, no
 * request to a file. What comes from outside waits in its socket.
 *
 * Should:   answer at once; all that a guest can do is to make it wait for the file operation
 *           that one of its CPUs has under way.
 * Mustn't:  be believed. A VMM that was captured answers what it likes, late, or never; so an
 *           answer is a few numbers, there is a time limit, and who pauses freezes the process
 *           as well where that can be done.
 */
#ifndef BRIG_VMM_REMOTE_H
#define BRIG_VMM_REMOTE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct err;
struct machine;
struct virtio_device;

enum remote_verb { REMOTE_PAUSE = 1, REMOTE_RESUME, REMOTE_FIGURES, REMOTE_SAVE };

/* Bytes. What the guest hasn't told is 0. */
struct remote_figures {
	/* the guest's own words, as they were when it was asked last: who asks twice with a
	 * moment in between has new ones */
	uint64_t memory, memory_free, memory_available, memory_cached;
	uint64_t
		memory_returned; /* so far, by reports of free pages and by the balloon */
	uint64_t net_in, net_out; /* frames without their virtio headers */
};

/*
 * Ask, and wait for the answer at most 'wait_ns'. 'ret' may be NULL. -ETIMEDOUT; -ECONNRESET
 * when the VMM is gone.
 */
int remote_ask(int fd, enum remote_verb verb, struct remote_figures *ret,
	uint64_t wait_ns, struct err *e);

/*
 * Pause it and have its state written to 'state', an empty file; its memory is then in the file
 * that it was started on, or, where it has left that one before, in 'spare' (memory_freeze()).
 * The descriptors stay the caller's. It stands until REMOTE_RESUME.
 *
 * 1: its own file, 0: 'spare', or an error in the VMM's words, after which it goes on.
 *
 * Should:   be followed by F_SEAL_WRITE on that file, as the VMM need not have told the truth.
 */
struct remote_save {
	int state, spare;
};
int remote_save(int fd, const struct remote_save *to, uint64_t wait_ns, struct err *e);

/* The VMM's side; stays in its place. */
struct remote {
	struct machine *machine;
	struct virtio_device *balloon, *net; /* NULL: none */
	int fd;                              /* -1: nobody asks */
	bool paused;
	struct buf state; /* room for REMOTE_SAVE */
};

/* Have machine_run() answer. 0 or -errno. */
int remote_listen(struct remote *r, struct err *e);

#endif
