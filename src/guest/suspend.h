/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suspend.h - the warder's part when its machine is copied.
 *
 *	SUSPEND		every process is stopped, files are written out, commands' output waits
 *	THAW		this is still the machine that it was: all goes on
 *	the stream breaks	this is a copy: connect to the same port of the host again, say
 *			READY, and KEPT for each command
 *	IDENTITY	names, clock and entropy are new; then all goes on
 *
 * Should:   let no program of a copy run before that has who it is now, so that two copies never
 *           draw the same random numbers from the kernel.
 * Mustn't:  take a broken stream for a copy when nobody has said that there would be one.
 */
#ifndef BRIG_GUEST_SUSPEND_H
#define BRIG_GUEST_SUSPEND_H

struct warder;
struct wire_frame;

/* Remember where the stream leads to, if that can be connected to once more. */
void suspend_note_host(struct warder *w);

int suspend_begin(struct warder *w);
void suspend_end(struct warder *w);
int suspend_reconnect(struct warder *w); /* negative: there is nobody */
int suspend_take_identity(struct warder *w, const struct wire_frame *f);

#endif
