/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - flow control: one direction of one channel.
 *
 * Both ends keep the same count. The sender spends with each DATA and waits at 0; the
 * receiver spends as DATA comes, and what it has passed on goes back by CREDIT. So a
 * command that stalls holds GUEST_WINDOW bytes at most and blocks nobody else.
 */
#ifndef BRIG_GUEST_WINDOW_H
#define BRIG_GUEST_WINDOW_H

#include "guest/proto.h"

/* One direction of one channel: how much may be sent, how much is to be given back. */
struct guest_window {
	uint32_t left; /* sender: may still send; receiver: may still arrive */
	uint32_t owed; /* receiver: passed on and not yet given back */
};

#define GUEST_WINDOW_INIT            \
	{                            \
		.left = GUEST_WINDOW \
	}

int guest_window_spend(
	struct guest_window *w, uint32_t n); /* DATA; -EPROTO past the window */
int guest_window_grow(
	struct guest_window *w, uint32_t n); /* CREDIT came; -EPROTO past it */
/* 'n' bytes were passed on; returns what to send as CREDIT now, often 0 to save frames.
 */
uint32_t guest_window_passed(struct guest_window *w, uint32_t n);

#endif
